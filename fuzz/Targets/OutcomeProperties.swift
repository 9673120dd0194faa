import RefreshClient

/// What was decoded once survives being written and read again.
enum OutcomeProperties {
    static func checkSuccess(_ input: [UInt8]) throws(Finding) {
        guard let first = OutcomePayload.decodeSuccess(input) else { return }
        try check(input.suffix(first.body.count).elementsEqual(first.body), "the body is not the end of the input")
        guard let second = OutcomePayload.decodeSuccess(OutcomePayload.encode(first)) else {
            throw Finding(description: "a success that decodes does not survive encoding")
        }
        try check(second.body == first.body, "encoding changes the body")
        try check(OutcomePayload.decodeSuccess(OutcomePayload.encode(second)) == second, "encoding is not stable")
    }

    static func checkFailure(_ input: [UInt8]) throws(Finding) {
        guard let first = OutcomePayload.decodeFailure(input) else { return }
        try check((1...2).contains(first.count), "\(first.count) attempts")
        try checkSurvival(of: first)
    }

    static func checkSurvival(of attempts: [UpstreamFailure]) throws(Finding) {
        guard let second = OutcomePayload.decodeFailure(OutcomePayload.encode(attempts)) else {
            throw Finding(description: "a failure that decodes does not survive encoding")
        }
        try check(
            second.map(\.class) == attempts.map(\.class)
                && second.map(\.mayHaveRotated) == attempts.map(\.mayHaveRotated),
            "encoding changes what a failure says of the token")
        guard let third = OutcomePayload.decodeFailure(OutcomePayload.encode(second)) else {
            throw Finding(description: "a failure survives encoding once only")
        }
        try check(third == second, "encoding is not stable")
    }
}
