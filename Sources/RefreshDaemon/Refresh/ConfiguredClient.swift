import Crypto

/// The client that this daemon refreshes for, and whether a request is by it.
struct ConfiguredClient: Sendable {
    /// The OAuth client identifier.
    let clientID: String
    /// Its secret; `nil` for a public client.
    let secret: String?

    /// What a request presents.
    struct Presented: Sendable {
        var clientID: String?
        var clientSecret: String?
        var bearer: String?
    }

    /// Whether a request is by this client: everything it presents is this client's, and, unless the client is a public
    /// one, it presents the secret. Who does not know the secret gets nothing that needs it.
    func isPresented(by presented: Presented) -> Bool {
        guard let clientID = presented.clientID, Self.areEqual(clientID, self.clientID) else { return false }
        let secrets = [presented.clientSecret, presented.bearer].compactMap { $0 }
        guard let secret else { return secrets.isEmpty }
        // All of them are compared, whatever the first says.
        let verdicts = secrets.map { Self.areEqual($0, secret) }
        return !verdicts.isEmpty && !verdicts.contains(false)
    }

    /// Takes the same time wherever two texts of a length differ: digests are compared in constant time.
    private static func areEqual(_ one: String, _ other: String) -> Bool {
        SHA256.hash(data: Array(one.utf8)) == SHA256.hash(data: Array(other.utf8))
    }
}
