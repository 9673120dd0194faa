import NIOHTTP1
import RefreshClient
import WorkOS

/// The WorkOS API as an upstream, called over connections that stay open between refreshes.
///
/// Same endpoint, same client, same body and same reading of answers as ``WorkOSUpstream`` in a worker: both share a
/// lease. Nothing is ever sent twice, on a connection found dead neither. Not for processes that fork.
struct PooledUpstream: Upstream {
    private let workOS: WorkOSUpstream
    private let headers: HTTPHeaders
    private let transport: PooledTransport

    /// - Throws: `WorkOSConfigurationError` with the fix in its message.
    init(_ configuration: WorkOSConfiguration, transport: PooledTransport) throws(WorkOSConfigurationError) {
        workOS = try WorkOSUpstream(configuration)
        self.transport = transport
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Accept": "application/json", "User-Agent": configuration.userAgent,
        ]
        if let key = configuration.apiKey { headers.add(name: "Authorization", value: "Bearer \(key)") }
        self.headers = headers
    }

    var endpoint: String { workOS.endpoint }

    var clientID: String { workOS.clientID }

    /// The base URL in the spelling of ``endpoint``, without a slash at its end.
    var baseURL: String { String(endpoint.dropLast(RefreshIntake.path.count)) }

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        AnswerClassifier.classify(answer(to: request, timeout: timeout))
    }

    private func answer(to request: UpstreamRequest, timeout: Duration) -> ReceivedAnswer {
        var headers = headers
        headers.add(name: "Idempotency-Key", value: request.idempotencyKey)
        guard let body = try? workOS.requestBody(for: request) else {
            return ReceivedAnswer(mayHaveBeenSent: false, ending: .failed("the request cannot be written"))
        }
        return transport.post(body, to: endpoint, headers, timeout: timeout)
    }
}
