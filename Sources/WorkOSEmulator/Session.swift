import FoundationEssentials

/// A signed-in session: what its answers and access tokens say.
struct Session: Hashable, Sendable {
    /// `sid` of the access token.
    var id: String
    /// `sub` of the access token and `id` of the user.
    var userID: String
    /// The user's address, by which the per-user limit counts.
    var email: String
    /// The user object as it is answered.
    var user: [String: JSONValue]
    /// The user's role where an organization is chosen.
    var role: String
    /// `permissions` of the access token.
    var permissions: [String]
    /// `authentication_method` of the answer.
    var authenticationMethod: String
    /// `impersonator` of the answer.
    var impersonator: [String: JSONValue]?

    /// A session as asked for, of the user `userID`.
    init(_ signIn: SignIn, email: String, userID: String, date: Date) {
        let now = JSONValue.string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        id = Identifier.make("session", at: date)
        self.userID = userID
        self.email = email
        role = signIn.role ?? "member"
        permissions = signIn.permissions
        authenticationMethod = signIn.authenticationMethod
        impersonator = signIn.impersonator
        user = [
            "object": "user", "id": .string(userID), "email": .string(email), "email_verified": true,
            "first_name": "Test", "last_name": "User", "profile_picture_url": .null, "last_sign_in_at": now,
            "locale": "en-US", "external_id": .null, "metadata": [:], "created_at": now, "updated_at": now,
        ]
        user.merge(signIn.user) { _, given in given }
    }
}

/// A refresh token that was just issued, with all that its answer says but the access token.
struct Grant: Hashable, Sendable {
    /// The session the token belongs to.
    var session: Session
    /// The organization the token is good for, if any.
    var organizationID: String?
    /// The new refresh token.
    var refreshToken: String
}
