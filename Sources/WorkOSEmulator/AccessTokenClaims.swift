import FoundationEssentials
import JWTKit

/// The claims of an access token.
struct AccessTokenClaims: JWTPayload, Equatable {
    var iss: String
    var sub: String
    var sid: String
    var jti: String
    var iat: Int
    var exp: Int
    var clientID: String?
    var organizationID: String?
    var role: String?
    var roles: [String]?
    var permissions: [String]

    enum CodingKeys: String, CodingKey {
        case iss, sub, sid, jti, iat, exp, role, roles, permissions
        case clientID = "client_id"
        case organizationID = "org_id"
    }

    /// The claims for a grant that was made at `date`.
    init(_ grant: Grant, issuer: String, clientID: String?, date: Date, lifetime: Duration) {
        iss = issuer
        sub = grant.session.userID
        sid = grant.session.id
        jti = Identifier.make("jti", at: date)
        iat = Int(date.timeIntervalSince1970)
        exp = iat + Int(lifetime.components.seconds)
        self.clientID = clientID
        organizationID = grant.organizationID
        role = grant.organizationID == nil ? nil : grant.session.role
        roles = role.map { [$0] }
        permissions = grant.session.permissions
    }

    func verify(using algorithm: some JWTAlgorithm) throws {
        try ExpirationClaim(value: Date(timeIntervalSince1970: Double(exp))).verifyNotExpired()
    }
}
