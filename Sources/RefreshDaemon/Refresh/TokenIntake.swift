import Foundation
import NIOHTTP1
import RefreshClient

/// Decides which requests to `/oauth2/token` are refreshes (RFC 6749 section 6) of the configured client; as
/// ``RefreshIntake`` does for the other endpoint.
struct TokenIntake: Sendable {
    /// The only spelling of the endpoint's path.
    static let path = "/oauth2/token"

    let client: ConfiguredClient

    /// What becomes of a request.
    enum Verdict: Sendable {
        case coalesce(TokenRefresh)
        case passThrough(RefreshIntake.Reason)
    }

    /// What is to be refreshed. Every part of it changes the answer, and is part of the key.
    struct TokenRefresh: Sendable {
        var refreshToken: String
        var scope: String?
        var resource: String?
        var audience: String?
    }

    /// Judges a candidate by its head and its whole body.
    func verdict(on request: ClientRequest, body: [UInt8]) -> Verdict {
        guard request.values("content-encoding").isEmpty,
            let type = request.single("content-type")?.lowercased().filter({ $0 != " " }),
            ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded;charset=utf-8"].contains(type),
            let fields = FormFields.fields(of: body)
        else { return .passThrough(.oddForm) }
        guard fields["grant_type"] == "refresh_token" else { return .passThrough(.otherGrant) }
        let known: Set = [
            "grant_type", "client_id", "client_secret", "refresh_token", "scope", "resource", "audience",
        ]
        guard Set(fields.keys).isSubset(of: known) else { return .passThrough(.unknownField) }
        guard let token = fields["refresh_token"], (1...16_383).contains(token.utf8.count),
            ["scope", "resource", "audience"].allSatisfy({ fields[$0]?.isEmpty != true })
        else { return .passThrough(.oddForm) }
        var presented = ConfiguredClient.Presented(
            clientID: fields["client_id"], clientSecret: fields["client_secret"])
        if !request.values("authorization").isEmpty {
            // One way of authentication in a request (RFC 6749 section 2.3), and one client.
            guard let (name, secret) = request.single("authorization").flatMap(Self.basic),
                presented.clientSecret == nil, presented.clientID == nil || presented.clientID == name
            else { return .passThrough(.otherClient) }
            presented.clientID = name
            presented.clientSecret = secret
        }
        guard client.isPresented(by: presented) else { return .passThrough(.otherClient) }
        return .coalesce(
            TokenRefresh(
                refreshToken: token, scope: fields["scope"], resource: fields["resource"],
                audience: fields["audience"]))
    }

    /// Name and secret of `Basic …`, which were escaped as in a form before (RFC 6749 section 2.3.1).
    private static func basic(_ value: String) -> (String, String)? {
        let parts = value.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == "basic", let data = Data(base64Encoded: String(parts[1])),
            let colon = data.firstIndex(of: UInt8(ascii: ":")), let name = FormFields.decoded(data[..<colon]),
            let secret = FormFields.decoded(data[(colon + 1)...])
        else { return nil }
        return (name, secret)
    }
}
