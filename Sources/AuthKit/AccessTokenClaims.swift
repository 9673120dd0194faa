public import FoundationEssentials
public import WorkOS

/// The claims of an access token, read without asking whether anyone vouches for them: that is
/// ``ValidatedSession/verification``'s to say.
public struct AccessTokenClaims: Sendable, Hashable {
    /// Every claim, known or not, that can be read: a JSON object.
    public let all: JSONValue

    /// Why a text is no access token. Holds no part of it.
    public enum ParsingError: Error, Sendable, Hashable {
        /// Not three parts of base64url (RFC 7515 section 3.1), or longer than 64 KiB.
        case notAToken
        /// The second part is not a JSON object.
        case notAnObject
    }

    /// Reads the claims of a compact JWS.
    public init(parsing token: String) throws(ParsingError) {
        self.init(all: try CompactToken(token).payload)
    }

    init(all: JSONValue) {
        self.all = all
    }

    /// `sub`: the user's id.
    public var userID: String? { all["sub"]?.stringValue }
    /// `sid`: the session's id.
    public var sessionID: String? { all["sid"]?.stringValue }
    /// `iss`: who issued the token.
    public var issuer: String? { all["iss"]?.stringValue }
    /// `org_id`: the organization the session is in.
    public var organizationID: String? { all["org_id"]?.stringValue }
    /// `role`: the user's role in it.
    public var role: String? { all["role"]?.stringValue }
    /// `roles`: all of them.
    public var roles: [String] { strings("roles") }
    /// `permissions` of the user.
    public var permissions: [String] { strings("permissions") }
    /// `entitlements` of the organization.
    public var entitlements: [String] { strings("entitlements") }
    /// `feature_flags` that are on.
    public var featureFlags: [String] { strings("feature_flags") }
    /// `exp`: when the token expires.
    public var expiresAt: Date? { date("exp") }
    /// `iat`: when it was issued.
    public var issuedAt: Date? { date("iat") }
    /// `nbf`: when it begins to be good.
    public var notBefore: Date? { date("nbf") }

    private func strings(_ name: String) -> [String] {
        guard case .array(let values)? = all[name] else { return [] }
        return values.compactMap(\.stringValue)
    }

    /// RFC 7519 section 2: a NumericDate is a number of seconds, not always whole.
    private func date(_ name: String) -> Date? {
        switch all[name] {
        case .integer(let seconds): Date(timeIntervalSince1970: Double(seconds))
        case .number(let seconds): Date(timeIntervalSince1970: seconds)
        default: nil
        }
    }
}
