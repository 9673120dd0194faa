/// Derives the keys of one client's tokens: what they have in common is checked and hashed once.
///
/// The keys are those that ``KeyMaterial/init(_:)`` derives. Immutable, and without a secret: thread- and fork-safe.
public final class KeyDerivation: Sendable {
    private let endpoint: String
    private let clientID: String
    // Under the salt of a request without organization, scope, resource and audience; `nil` where endpoint or client id is
    // not acceptable, which every derivation then says.
    private let salted: KeyedHash?

    /// Prepares for the tokens of `clientID` at `endpoint`. What is wrong with them is found by ``keys(of:)``.
    public init(endpoint: String, clientID: String) {
        self.endpoint = endpoint
        self.clientID = clientID
        let parts = KeyParts(endpoint: endpoint, clientID: clientID, refreshToken: "any")
        let isAcceptable = (try? parts.validate()) != nil
        salted = isAcceptable ? KeyMaterial.salted(parts) : nil
    }

    /// Checks what is given and derives the keys.
    ///
    /// - Throws: ``KeyPartsError`` where a part is not acceptable, as ``KeyMaterial/init(_:)`` does.
    public func keys(
        of refreshToken: String, organizationID: String? = nil, scope: String? = nil, resource: String? = nil,
        audience: String? = nil
    ) throws(KeyPartsError) -> KeyMaterial {
        if let salted, organizationID == nil, scope == nil, resource == nil, audience == nil {
            try KeyParts.checkToken(refreshToken)
            return KeyMaterial(refreshToken, salted: salted)
        }
        return try KeyMaterial(
            KeyParts(
                endpoint: endpoint, clientID: clientID, refreshToken: refreshToken, organizationID: organizationID,
                scope: scope, resource: resource, audience: audience))
    }
}
