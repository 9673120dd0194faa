import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import WorkOS

/// Sends requests for tokens over connections that stay open in between. Nothing is ever sent twice, on a connection
/// found dead neither.
struct PooledTransport: Sendable {
    let client: HTTPClient
    /// Our name in `Via`.
    let pseudonym: String

    /// Posts once and blocks until the answer or the timeout: for a thread that is there to wait.
    func post(_ body: [UInt8], to url: String, _ headers: HTTPHeaders, timeout: Duration) -> ReceivedAnswer {
        guard timeout > .zero else { return ReceivedAnswer(mayHaveBeenSent: false, ending: .timedOut) }
        var headers = headers
        headers.add(name: "Via", value: "1.1 \(pseudonym)")
        guard
            let outgoing = try? HTTPClient.Request(url: url, method: .POST, headers: headers, body: .bytes(body))
        else { return ReceivedAnswer(mayHaveBeenSent: false, ending: .failed("the request cannot be written")) }
        let exchange = PooledExchange()
        let task = client.execute(request: outgoing, delegate: exchange, deadline: .now() + TimeAmount(timeout))
        do { try task.wait() } catch { exchange.fail(error) }
        return exchange.received
    }
}
