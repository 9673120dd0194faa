import LeaseTable
import RefreshClient

/// A provider that only the program itself calls: all that is known of it is what tells it from others.
struct ProviderIdentity: Upstream {
    let endpoint: String
    let clientID: String

    init(endpoint: String, clientID: String) throws(CallError) {
        guard endpoint.hasPrefix("https://") || endpoint.hasPrefix("http://") else {
            throw .invalid("token_endpoint is no URL: it must begin with https://")
        }
        do throws(KeyPartsError) {
            try KeyParts(endpoint: endpoint, clientID: clientID, refreshToken: "any").validate()
        } catch {
            throw .invalid("options: \(error)")
        }
        self.endpoint = endpoint
        self.clientID = clientID
    }

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        .failure(
            UpstreamFailure(
                class: .transient, reason: .networkError,
                detail: "the library cannot call \(endpoint) itself; nothing was sent"))
    }
}
