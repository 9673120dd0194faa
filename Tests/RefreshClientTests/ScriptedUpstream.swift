import ProcessSupport
import RefreshClient

/// An upstream whose answers a test decides, call by call.
final class ScriptedUpstream: Upstream {
    struct Call: Sendable {
        var request: UpstreamRequest
        var timeout: Duration
        var at: MonotonicInstant
    }

    let endpoint: String
    let clientID = "client_test"
    private let calls = Watched<[Call]>([])
    private let script: @Sendable (Int, UpstreamRequest) -> UpstreamAnswer

    /// `script` gets the number of the call, from 1, and may block.
    init(
        endpoint: String = "https://upstream.test",
        _ script: @escaping @Sendable (Int, UpstreamRequest) -> UpstreamAnswer
    ) {
        self.endpoint = endpoint
        self.script = script
    }

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        let number = calls.update { list in
            list.append(Call(request: request, timeout: timeout, at: .now()))
            return list.count
        }
        return script(number, request)
    }

    var count: Int { calls.value.count }
    var received: [Call] { calls.value }

    @discardableResult
    func awaitCalls(_ count: Int, limit: Duration = .seconds(15)) -> Bool {
        calls.wait(limit: limit) { $0.count >= count }
    }
}

func success(_ text: String, requestID: String? = "req_1") -> UpstreamAnswer {
    .success(UpstreamSuccess(body: bytes(text), requestID: requestID))
}

/// The body of an answer with this access token.
func bytes(_ accessToken: String) -> [UInt8] { Array("{\"access_token\":\"\(accessToken)\"}".utf8) }

let invalidGrant = UpstreamAnswer.failure(
    UpstreamFailure(
        class: .terminal, reason: .invalidGrant, status: 400, body: Array(#"{"error":"invalid_grant"}"#.utf8),
        detail: "the upstream refused the token"))

let serverError = UpstreamAnswer.failure(
    UpstreamFailure(class: .transient, reason: .serverError, status: 503, detail: "the upstream answered 503"))

func tooMany(retryAfter milliseconds: Int64?) -> UpstreamAnswer {
    .failure(
        UpstreamFailure(
            class: .transient, reason: .rateLimitExceeded, status: 429, retryAfterMilliseconds: milliseconds,
            detail: "the upstream answered 429"))
}
