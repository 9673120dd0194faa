import RefreshClient

/// What is open under a number.
final class Client: Sendable {
    let refreshing: RefreshClient
    /// Whether the library has an upstream of its own for it.
    let callsWorkOS: Bool

    init(refreshing: RefreshClient, callsWorkOS: Bool) {
        self.refreshing = refreshing
        self.callsWorkOS = callsWorkOS
    }

    /// The client that is open under a number.
    static func open(_ handle: UInt64) throws(CallError) -> Client {
        guard let client = ClientTable.client(handle) else {
            throw .stale("the client is not open: it was closed, or never opened in this process or its parents")
        }
        return client
    }
}
