import FoundationEssentials
import WorkOS

extension AuthKitSession {
    /// The session that an authentication answered with: a code exchanged at sign-in, or a refresh.
    ///
    /// Lenient on purpose: by the time an answer to a refresh is read, the old token is spent, so that an answer which
    /// has the tokens makes a session, whatever else in it is odd or missing.
    ///
    /// - Parameters:
    ///   - body: the body of the 200, a JSON object.
    ///   - refreshToken: what stays valid where the answer holds no new refresh token, as with providers that do not
    ///     rotate it.
    /// - Throws: ``AuthKitError/answerWithoutTokens`` where there is no access token, or no refresh token either way.
    public init(answer body: [UInt8], replacing refreshToken: String? = nil) throws(AuthKitError) {
        guard let answer = try? JSONDecoder().decode(JSONValue.self, from: Data(body)),
            let accessToken = answer["access_token"]?.stringValue, !accessToken.isEmpty,
            let refreshToken = answer["refresh_token"]?.stringValue ?? refreshToken, !refreshToken.isEmpty
        else { throw .answerWithoutTokens }
        self.init(
            accessToken: accessToken, refreshToken: refreshToken, user: answer["user"].flatMap(Self.object),
            impersonator: answer["impersonator"].flatMap(Self.impersonator),
            organizationID: answer["organization_id"]?.stringValue)
    }

    private static func object(_ value: JSONValue) -> JSONValue? {
        if case .object = value { value } else { nil }
    }

    private static func impersonator(_ value: JSONValue) -> TokenResponse.Impersonator? {
        guard let encoded = try? JSONEncoder().encode(value) else { return nil }
        return try? JSONDecoder().decode(TokenResponse.Impersonator.self, from: encoded)
    }
}
