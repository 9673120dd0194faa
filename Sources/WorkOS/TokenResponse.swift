import FoundationEssentials

/// The upstream's 200, decoded. A plain value: thread- and fork-safe. Its description names no token.
public struct TokenResponse: Sendable, Hashable {
    /// The new access token, a JWT. Never empty.
    public let accessToken: String
    /// The new refresh token; `nil` for providers that do not rotate it.
    public let refreshToken: String?
    /// The organization the session is in now.
    public let organizationID: String?
    /// How the user signed in, for instance `Password`.
    public let authenticationMethod: String?
    /// The user with every field that came, known or not.
    public let user: JSONValue?
    /// Who acts in the user's place, where somebody does.
    public let impersonator: Impersonator?
    /// The identity provider's own tokens, where the connection passes them on.
    public let oauthTokens: JSONValue?
    /// The body, verbatim.
    public let json: [UInt8]

    /// Somebody who acts in the user's place.
    public struct Impersonator: Sendable, Hashable, Codable {
        /// Their address.
        public let email: String
        /// What they gave as their reason.
        public let reason: String?
    }

    /// Why a body is no token response.
    public enum DecodingFailure: Error, Sendable, Hashable {
        /// Not one JSON object in UTF-8, or nested more than 64 deep; or one of its strings or numbers is malformed,
        /// which shows only when it is read.
        case notAnObject
        /// `access_token` is absent, empty or no string.
        case noAccessToken
        /// The named field is there and is not what it should be.
        case invalidField(String)
    }

    /// Decodes a body. Unknown fields and absent optional ones are no error.
    ///
    /// - Throws: ``DecodingFailure``; it never holds a part of the body.
    public init(decoding json: [UInt8]) throws(DecodingFailure) {
        guard JSONText.isObject(json) else { throw .notAnObject }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(json))
        } catch let error as DecodingError {
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context):
                throw context.codingPath.isEmpty
                    ? .notAnObject
                    : .invalidField(context.codingPath.map(\.stringValue).joined(separator: "."))
            case .keyNotFound(let key, let context):
                throw .invalidField((context.codingPath + [key]).map(\.stringValue).joined(separator: "."))
            default: throw .notAnObject
            }
        } catch {
            throw .notAnObject
        }
        guard let accessToken = fields.accessToken?.stringValue, !accessToken.isEmpty else {
            throw .noAccessToken
        }
        self.accessToken = accessToken
        refreshToken = fields.refreshToken
        organizationID = fields.organizationID
        authenticationMethod = fields.authenticationMethod
        user = fields.user
        impersonator = fields.impersonator
        oauthTokens = fields.oauthTokens
        self.json = json
    }

    /// Whether `body` is a JSON object with a non-empty string `access_token`, whatever else it has.
    static func hasAccessToken(_ body: [UInt8]) -> Bool {
        AccessTokenScan.succeeds(in: body) || decodesToAccessToken(body)
    }

    /// The same, for certain.
    static func decodesToAccessToken(_ body: [UInt8]) -> Bool {
        guard JSONText.isObject(body) else { return false }
        let minimum = try? JSONDecoder().decode(Minimum.self, from: Data(body))
        return minimum?.accessToken.isEmpty == false
    }

    private struct Minimum: Decodable {
        let accessToken: String

        enum CodingKeys: String, CodingKey {
            case accessToken = "access_token"
        }
    }

    private struct Fields: Decodable {
        let accessToken: JSONValue?
        let refreshToken: String?
        let organizationID: String?
        let authenticationMethod: String?
        let user: JSONValue?
        let impersonator: Impersonator?
        let oauthTokens: JSONValue?

        enum CodingKeys: String, CodingKey {
            case accessToken = "access_token"
            case refreshToken = "refresh_token"
            case organizationID = "organization_id"
            case authenticationMethod = "authentication_method"
            case user, impersonator
            case oauthTokens = "oauth_tokens"
        }
    }
}

extension TokenResponse: CustomStringConvertible, CustomReflectable {
    /// What may stand in a log: neither tokens nor the user's data.
    public var description: String {
        "TokenResponse(\(json.count) bytes, refresh token \(refreshToken == nil ? "absent" : "withheld"), "
            + "organization \(organizationID ?? "none"))"
    }

    /// No children, so that `dump` and debuggers do not print tokens either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
