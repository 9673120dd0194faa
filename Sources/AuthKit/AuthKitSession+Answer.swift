import FoundationEssentials
import WorkOS

extension AuthKitSession {
    /// The session that an authentication answered with: a code exchanged at sign-in, or a refresh.
    ///
    /// Lenient on purpose: by the time an answer to a refresh is read, the old token is spent, so that an answer which
    /// has the tokens makes a session, whatever else in it is odd, missing or not even well-formed. A field, or a
    /// member of `user`, that cannot be read is left out.
    ///
    /// - Parameters:
    ///   - body: the body of the 200, a JSON object.
    ///   - refreshToken: what stays valid where the answer holds no new refresh token, as with providers that do not
    ///     rotate it.
    /// - Throws: ``AuthKitError/answerWithoutTokens`` where there is no access token, or no refresh token either way.
    public init(answer body: [UInt8], replacing refreshToken: String? = nil) throws(AuthKitError) {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)),
            let accessToken = answer.accessToken, let refreshToken = answer.refreshToken ?? refreshToken,
            !refreshToken.isEmpty
        else { throw .answerWithoutTokens }
        self.init(
            accessToken: accessToken, refreshToken: refreshToken, user: answer.user,
            impersonator: answer.impersonator, organizationID: answer.organizationID)
    }

    /// The fields of an answer, each read on its own, as in ``ReadableFields``.
    private struct Answer: Decodable {
        let accessToken: String?
        let refreshToken: String?
        let user: JSONValue?
        let impersonator: TokenResponse.Impersonator?
        let organizationID: String?

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            func read<Value: Decodable>(_ key: CodingKeys) -> Value? {
                try? fields.decodeIfPresent(Value.self, forKey: key)
            }
            func token(_ key: CodingKeys) -> String? {
                let text: String? = read(key)
                return text?.isEmpty == true ? nil : text
            }
            accessToken = token(.accessToken)
            refreshToken = token(.refreshToken)
            let user: ReadableFields? = read(.user)
            self.user = user?.object
            impersonator = read(.impersonator)
            organizationID = read(.organizationID)
        }
    }
}
