public import WorkOS

/// A signed-in user's session as an application keeps it, for instance in a sealed cookie.
///
/// A plain value: thread- and fork-safe. Its description names no token.
public struct AuthKitSession: Sendable, Hashable {
    /// The access token, a JWT; may have expired.
    public var accessToken: String
    /// The single-use refresh token that belongs to it.
    public var refreshToken: String
    /// The user as the upstream described them, every field, or `nil` where it is not kept.
    public var user: JSONValue?
    /// Who acts in the user's place, where somebody does.
    public var impersonator: TokenResponse.Impersonator?
    /// The organization the upstream put the session in. The access token's own `org_id` decides what a refresh asks
    /// for; this is for the application.
    public var organizationID: String?

    /// Makes a session.
    public init(
        accessToken: String, refreshToken: String, user: JSONValue? = nil,
        impersonator: TokenResponse.Impersonator? = nil, organizationID: String? = nil
    ) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.user = user
        self.impersonator = impersonator
        self.organizationID = organizationID
    }

    /// The user's id, where the user is kept.
    public var userID: String? { user?["id"]?.stringValue }
}

extension AuthKitSession: Codable {
    enum CodingKeys: String, CodingKey {
        case accessToken = "access_token"
        case refreshToken = "refresh_token"
        case user, impersonator
        case organizationID = "organization_id"
    }
}

extension AuthKitSession: CustomStringConvertible, CustomReflectable {
    /// What may stand in a log: ids alone.
    public var description: String {
        "AuthKitSession(user \(userID ?? "unknown"), organization \(organizationID ?? "none"), tokens withheld)"
    }

    /// No children, so that `dump` and debuggers do not print tokens either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
