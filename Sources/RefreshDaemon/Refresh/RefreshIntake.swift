import NIOHTTP1
import RefreshClient

/// Decides which requests are refreshes that the daemon answers for: those that mean one thing only, whoever reads them,
/// and that the configured client sends. Every other request is the upstream's to judge.
struct RefreshIntake: Sendable {
    /// The only spelling of the endpoint's path.
    static let path = "/user_management/authenticate"

    let client: ConfiguredClient

    /// Why a refresh is not coalesced. Raw values are labels of metrics.
    enum Reason: String, Sendable, CaseIterable {
        /// No refresh at all.
        case otherGrant = "other_grant"
        /// Another client's, or without the secret.
        case otherClient = "other_client"
        /// With fields that this version does not know, and that may change the answer.
        case unknownField = "unknown_field"
        /// More than ``ServerLimits/refreshBody``, not plain JSON, or otherwise readable in two ways.
        case oddForm = "odd_form"
    }

    /// What becomes of a request.
    enum Verdict: Sendable {
        case coalesce(RefreshRequest)
        case passThrough(Reason)
    }

    /// Judges a candidate by its head and its whole body.
    func verdict(on request: ClientRequest, body: [UInt8]) -> Verdict {
        guard Self.isPlainJSON(request), let members = FlatJSON.members(of: body) else {
            return .passThrough(.oddForm)
        }
        guard members["grant_type"] == "refresh_token" else { return .passThrough(.otherGrant) }
        let known: Set = [
            "grant_type", "client_id", "client_secret", "refresh_token", "organization_id", "ip_address",
            "user_agent",
            "device_id",
        ]
        guard Set(members.keys).isSubset(of: known) else { return .passThrough(.unknownField) }
        guard let token = members["refresh_token"], (1...16_383).contains(token.utf8.count),
            members["organization_id"]?.isEmpty != true, !members.values.contains(where: { $0.utf8.contains(0) })
        else { return .passThrough(.oddForm) }
        var presented = ConfiguredClient.Presented(
            clientID: members["client_id"], clientSecret: members["client_secret"])
        if !request.values("authorization").isEmpty {
            guard let bearer = request.single("authorization").flatMap(Self.bearer) else {
                return .passThrough(.otherClient)
            }
            presented.bearer = bearer
        }
        guard client.isPresented(by: presented) else { return .passThrough(.otherClient) }
        return .coalesce(
            RefreshRequest(
                refreshToken: token, organizationID: members["organization_id"],
                endUser: EndUser(
                    ipAddress: members["ip_address"], userAgent: members["user_agent"], deviceID: members["device_id"]
                ))
        )
    }

    /// JSON in UTF-8 and nothing done to it.
    private static func isPlainJSON(_ request: ClientRequest) -> Bool {
        guard request.values("content-encoding").isEmpty, let type = request.single("content-type") else {
            return false
        }
        let parts = type.lowercased().split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
        switch parts.count {
        case 1: return parts[0] == "application/json"
        case 2: return parts[0] == "application/json" && ["charset=utf-8", "charset=\"utf-8\""].contains(parts[1])
        default: return false
        }
    }

    /// The token of `Bearer TOKEN` (RFC 6750 section 2.1); the scheme's case does not matter (RFC 9110 section 11.1).
    private static func bearer(_ value: String) -> String? {
        let parts = value.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == "bearer", !parts[1].isEmpty else { return nil }
        return String(parts[1])
    }
}
