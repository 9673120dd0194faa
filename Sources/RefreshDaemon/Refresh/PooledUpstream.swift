import AsyncHTTPClient
import NIOCore
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
    private let client: HTTPClient

    /// - Throws: `WorkOSConfigurationError` with the fix in its message.
    init(_ configuration: WorkOSConfiguration, pseudonym: String, client: HTTPClient) throws(WorkOSConfigurationError)
    {
        // Dates in Retry-After are read with it.
        try WorkOSUpstream.preload()
        workOS = try WorkOSUpstream(configuration)
        self.client = client
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Accept": "application/json", "User-Agent": configuration.userAgent,
            "Via": "1.1 \(pseudonym)",
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
        guard timeout > .zero else { return ReceivedAnswer(mayHaveBeenSent: false, ending: .timedOut) }
        var headers = headers
        headers.add(name: "Idempotency-Key", value: request.idempotencyKey)
        guard let body = try? workOS.requestBody(for: request),
            let outgoing = try? HTTPClient.Request(url: endpoint, method: .POST, headers: headers, body: .bytes(body))
        else {
            return ReceivedAnswer(mayHaveBeenSent: false, ending: .failed("the request cannot be written"))
        }
        let exchange = PooledExchange()
        let task = client.execute(
            request: outgoing, delegate: exchange, deadline: .now() + TimeAmount(timeout))
        // A thread of the library's, which is here to wait: nothing but the answer or the timeout ends the call.
        do { try task.wait() } catch { exchange.fail(error) }
        return exchange.received
    }
}
