/// One well-formed request to refresh.
struct RefreshCall: Hashable, Sendable {
    /// `X-Request-ID` of its answer.
    var requestID: String
    /// The token; stays within the process.
    var token: String
    /// The token's name in statistics and events.
    var tokenHash: TokenHash
    /// The organization to switch to.
    var organizationID: String?
    /// `client_id` of the body.
    var clientID: String?
    /// `client_secret` of the body.
    var clientSecret: String?
    /// The bearer token of `Authorization`.
    var bearer: String?

    /// Why a body is not a refresh.
    enum Refusal: Error, Hashable {
        /// Not JSON, or a field that is missing or of the wrong type.
        case malformed(String)
        /// A grant type that is not emulated.
        case unsupportedGrant
    }

    /// Reads a request's body and `Authorization`.
    init(body: some Sequence<UInt8>, authorization: String?, requestID: String) throws(Refusal) {
        guard case .object(let fields) = JSONText.parse(body) else {
            throw .malformed("The body must be a JSON object.")
        }
        func text(_ name: String) throws(Refusal) -> String? {
            switch fields[name] {
            case nil, .null: return nil
            case .string(let text): return text
            default: throw .malformed("\(name) must be a string.")
            }
        }
        guard let grant = try text("grant_type") else { throw .malformed("grant_type is missing.") }
        guard grant == "refresh_token" else { throw .unsupportedGrant }
        guard let token = try text("refresh_token"), !token.isEmpty else {
            throw .malformed("refresh_token is missing.")
        }
        self.requestID = requestID
        self.token = token
        tokenHash = TokenHash(of: token)
        organizationID = try text("organization_id").flatMap { $0.isEmpty ? nil : $0 }
        clientID = try text("client_id")
        clientSecret = try text("client_secret")
        for name in ["ip_address", "user_agent", "device_id"] { _ = try text(name) }
        if let authorization, authorization.lowercased().hasPrefix("bearer ") {
            bearer = String(authorization.dropFirst("bearer ".count))
        }
    }

    /// The answer to credentials that are not the configured ones; `nil` where they are.
    ///
    /// Every key that is presented must be the right one, and without any the client is taken for a public one.
    func credentialsRefused(_ settings: EmulatorSettings) -> Answer? {
        guard let clientID, !clientID.isEmpty else { return .invalidClient(400, "client_id is missing.") }
        if let expected = settings.clientID, clientID != expected {
            return .invalidClient(400, "Invalid client ID.")
        }
        guard let expected = settings.apiKey else { return nil }
        let presented = [clientSecret, bearer].compactMap { $0 }
        guard !presented.isEmpty, presented.allSatisfy({ $0 == expected }) else {
            return .invalidClient(401, "Invalid client secret.")
        }
        return nil
    }
}
