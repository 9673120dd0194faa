import RefreshClient
import WorkOS

/// What is made of an answer: a success only of a body with an access token, a bounded and harmless failure of all
/// else.
///
/// Input: status (2 bytes, big-endian), flags (1 byte; bit 0: cut short), then lines `name: value` up to an empty one,
/// then the body.
enum AnswerProperties {
    static func check(_ input: [UInt8]) throws(Finding) {
        guard input.count >= 3 else { return }
        let status = Int(input[0]) << 8 | Int(input[1])
        var rest = input[3...]
        var headers: [UpstreamFailure.Header] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 1)...]
            if line.isEmpty { break }
            let parts = line.split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false)
            headers.append(
                UpstreamFailure.Header(name: String(parts[0]), value: String(parts.dropFirst().first ?? "")))
        }
        let body = Array(rest)
        let answer = ReceivedAnswer(
            status: status, headers: headers, body: body, ending: input[2] & 1 == 0 ? .complete : .timedOut)
        switch AnswerClassifier.classify(answer) {
        case .success(let success): try check(success, status: status, body: body)
        case .failure(let failure): try check(failure, status: status)
        }
    }

    private static func check(_ success: UpstreamSuccess, status: Int, body: [UInt8]) throws(Finding) {
        try FuzzTargets.check(status == 200, "a success of status \(status)")
        try FuzzTargets.check(success.body == body, "a success with another body")
        switch Result(catching: { () throws(TokenResponse.DecodingFailure) in try TokenResponse(decoding: body) }) {
        case .success(let response):
            try FuzzTargets.check(!response.accessToken.isEmpty && response.json == body, "a success without token")
        case .failure(.invalidField), .failure(.notAnObject):
            // A field beside the token that is not what it should be: the bytes are passed on all the same.
            break
        case .failure(.noAccessToken): throw Finding(description: "a success whose token cannot be read")
        }
    }

    private static func check(_ failure: UpstreamFailure, status: Int) throws(Finding) {
        try FuzzTargets.check(failure.status == status, "a failure of another status")
        try FuzzTargets.check(
            failure.class == .transient || (400...499).contains(status), "status \(status) ends the session")
        try FuzzTargets.check(
            failure.body.isEmpty || !(200...299).contains(status), "a failure shows the body of a success")
        try FuzzTargets.check(failure.reason.rawValue.utf8.count <= 64, "a reason of any length")
        if let pause = failure.retryAfterMilliseconds {
            try FuzzTargets.check((0...86_400_000).contains(pause), "a pause of \(pause) ms")
        }
        try OutcomeProperties.checkSurvival(of: [failure])
    }
}
