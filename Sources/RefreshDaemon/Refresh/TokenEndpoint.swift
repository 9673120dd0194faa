import Foundation
import LeaseTable
import NIOCore
import NIOHTTP1
import RefreshClient
import WorkOS

/// The token endpoint of any OAuth 2 provider, and the client that is refreshed for there.
struct TokenEndpoint: Sendable, Hashable {
    /// Its URL, as it is called.
    var url: String
    /// The client's identifier.
    var clientID: String
    /// Its secret; `nil` for a public client.
    var secret: String?
    /// How the secret is presented there (RFC 6749 section 2.3.1).
    var authentication = Authentication.basic

    /// The two ways.
    enum Authentication: String, Sendable {
        /// In the `Authorization` header, which every provider takes.
        case basic
        /// In the body.
        case post
    }
}

/// One refresh at such an endpoint. A value made for each request, since the fields beside the token are its own.
struct TokenUpstream: Upstream {
    let target: TokenEndpoint
    let refresh: TokenIntake.TokenRefresh
    let transport: PooledTransport

    var endpoint: String { target.url }

    var clientID: String { target.clientID }

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        var headers: HTTPHeaders = [
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
        ]
        var fields = [("grant_type", "refresh_token"), ("refresh_token", request.refreshToken)]
        for (name, value) in [
            ("scope", refresh.scope), ("resource", refresh.resource), ("audience", refresh.audience),
        ] {
            if let value { fields.append((name, value)) }
        }
        switch (target.secret, target.authentication) {
        case (let secret?, .basic):
            let pair = "\(FormFields.encoded(target.clientID)):\(FormFields.encoded(secret))"
            headers.add(name: "Authorization", value: "Basic \(Data(pair.utf8).base64EncodedString())")
        case (let secret?, .post): fields += [("client_id", target.clientID), ("client_secret", secret)]
        case (nil, _): fields.append(("client_id", target.clientID))
        }
        return AnswerClassifier.classify(
            transport.post(FormFields.text(fields), to: target.url, headers, timeout: timeout))
    }
}

/// Answers refreshes at a token endpoint through the lease table.
struct TokenRefreshing: Sendable {
    let intake: TokenIntake
    let target: TokenEndpoint
    let table: RefreshConfiguration
    let transport: PooledTransport

    /// As ``RefreshEndpoint/answer(to:)``; not to be stored by anybody in between (RFC 6749 section 5.1).
    func answer(to refresh: TokenIntake.TokenRefresh) async -> Answer {
        let upstream = TokenUpstream(target: target, refresh: refresh, transport: transport)
        guard let client = try? RefreshClient(upstream: upstream, configuration: table) else {
            return .error(.internalServerError, "server_error", "The configuration contradicts itself.")
        }
        var answer = await RefreshEndpoint(client: client).answer(
            to: RefreshRequest(
                refreshToken: refresh.refreshToken, scope: refresh.scope, resource: refresh.resource,
                audience: refresh.audience))
        answer.headers.add(name: "Cache-Control", value: "no-store")
        return answer
    }
}
