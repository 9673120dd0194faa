/// What `POST /_emulator/sessions` was asked for.
struct SignIn: Hashable, Sendable {
    /// The user's address; one is made up where it is not given.
    var email: String?
    /// The organization signed in to.
    var organizationID: String?
    /// The user's role in it; `member` where an organization and no role is given.
    var role: String?
    /// The access token's permissions.
    var permissions: [String] = []
    /// How the user signed in.
    var authenticationMethod = "Password"
    /// Who acts as the user: `email` and `reason`.
    var impersonator: [String: JSONValue]?
    /// Fields of the user object, those of the upstream or any others.
    var user: [String: JSONValue] = [:]

    init() {}

    /// Reads a control body; an empty one asks for a session with everything made up.
    init(_ body: JSONValue) throws(ControlError) {
        let fields = try JSONFields(
            body, path: "session",
            allowed: [
                "email", "organization_id", "role", "permissions", "authentication_method", "impersonator",
                "user",
            ])
        email = try fields.string("email")
        organizationID = try fields.string("organization_id")
        role = try fields.string("role")
        permissions = try fields.strings("permissions") ?? []
        authenticationMethod = try fields.string("authentication_method") ?? authenticationMethod
        impersonator = try fields.object("impersonator")
        user = try fields.object("user") ?? [:]
        for name in ["object", "id", "email"] where user[name] != nil {
            throw fields.wrong("user", "must leave out \"\(name)\", which the emulator sets")
        }
    }
}
