import Foundation
import JWTKit
import Testing

@testable import WorkOSEmulator

@Suite struct RefreshTests {
    @Test func answersWithEveryFieldOfTheContract() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn(
                #"{"email":"ada@example.com","organization_id":"org_1","permissions":["read"],"role":"admin","#
                    + #""impersonator":{"email":"root@example.com","reason":"support"},"#
                    + #""user":{"first_name":"Ada","something_new":{"deep":[1,2.5,null,true]}}}"#)
            let reply = try await emulator.refresh(token)
            #expect(reply.status == 200)
            #expect(reply.headers["content-type"]?.hasPrefix("application/json") == true)
            #expect(reply.headers["x-request-id"]?.count == 36)
            #expect(reply["organization_id"] == "org_1")
            #expect(reply["authentication_method"] == "Password")
            #expect(reply["impersonator"] == ["email": "root@example.com", "reason": "support"])
            #expect(reply["refresh_token"]?.text != token)
            let user = try #require(reply["user"])
            for name in [
                "object", "id", "email", "email_verified", "first_name", "last_name", "profile_picture_url",
                "last_sign_in_at", "locale", "external_id", "metadata", "created_at", "updated_at",
            ] {
                #expect(user[name] != nil, "\(name)")
            }
            #expect(user["email"] == "ada@example.com")
            #expect(user["first_name"] == "Ada")
            #expect(user["something_new"] == ["deep": [1, .number(2.5), .null, true]])
        }
    }

    @Test func accessTokenVerifiesAgainstTheKeySet() async throws {
        try await TestEmulator.run {
            $0.accessTokenLifetime = .seconds(77)
        } body: { emulator in
            let token = try await emulator.signIn(#"{"organization_id":"org_1","permissions":["read"]}"#)
            let reply = try await emulator.refresh(token)
            let keySet = try await emulator.send("GET", "/sso/jwks/client_1")
            let keys = JWTKeyCollection()
            try await keys.add(jwksJSON: String(decoding: keySet.body, as: UTF8.self))
            let accessToken = try #require(reply["access_token"]?.text)
            let claims = try await keys.verify(accessToken, as: AccessTokenClaims.self)
            #expect(.string(claims.sub) == reply["user"]?["id"])
            #expect(claims.sid.hasPrefix("session_"))
            #expect(claims.iss == "http://127.0.0.1:\(emulator.port)")
            #expect(claims.exp - claims.iat == 77)
            #expect(abs(Double(claims.iat) - Date().timeIntervalSince1970) < 60)
            #expect(claims.organizationID == "org_1")
            #expect(claims.role == "member")
            #expect(claims.permissions == ["read"])
            let header = Data(base64Encoded: String(accessToken.split(separator: ".")[0]) + "==")
            let fields = JSONText.parse(header ?? Data())
            #expect(fields?["alg"] == "RS256")
            guard case .array(let all)? = keySet["keys"] else { throw RawConnection.Failure.closed }
            #expect(fields?["kid"] == all.first?["kid"])
        }
    }

    @Test func aTokenIsGoodOnce() async throws {
        try await TestEmulator.run { emulator in
            let first = try await emulator.signIn()
            let second = try #require(try await emulator.refresh(first)["refresh_token"]?.text)
            let replay = try await emulator.refresh(first)
            #expect(replay.status == 400)
            #expect(
                String(decoding: replay.body, as: UTF8.self)
                    == #"{"error":"invalid_grant","error_description":"Refresh token already exchanged."}"#)
            #expect(replay.headers["x-request-id"] != nil)
            #expect(try await emulator.refresh(second).status == 200)
            #expect(try await emulator.count("refresh_calls") == 3)
            #expect(try await emulator.count("rotations") == 2)
            #expect(try await emulator.count("replays_rejected") == 1)
            #expect(try await emulator.count("rotations", of: first) == 1)
            #expect(try await emulator.count("refresh_calls", of: first) == 2)
            #expect(try await emulator.count("replays_rejected", of: second) == 0)
        }
    }

    @Test func graceAcceptsAReplayUntilItEnds() async throws {
        try await TestEmulator.run {
            $0.replayGrace = .seconds(10)
        } body: { emulator in
            let token = try await emulator.signIn()
            let first = try await emulator.refresh(token)["refresh_token"]?.text
            emulator.time.advance(by: .milliseconds(9_999))
            let second = try await emulator.refresh(token)
            #expect(second.status == 200)
            #expect(second["refresh_token"]?.text != first)
            emulator.time.advance(by: .milliseconds(1))
            #expect(try await emulator.refresh(token).status == 400)
            #expect(try await emulator.refresh(try #require(first)).status == 200)
            #expect(try await emulator.count("replays_accepted", of: token) == 1)
            #expect(try await emulator.count("replays_rejected", of: token) == 1)
            #expect(try await emulator.count("rotations", of: token) == 1)
        }
    }

    @Test func theFirstOfTwoOrganizationsSpendsTheToken() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn(#"{"organization_id":"org_1"}"#)
            let switched = try await emulator.refresh(token, organization: "org_2")
            #expect(switched["organization_id"] == "org_2")
            #expect(try await emulator.refresh(token, organization: "org_3")["error"] == "invalid_grant")
            // The successor stays in the organization that was switched to.
            let next = try await emulator.refresh(try #require(switched["refresh_token"]?.text))
            #expect(next["organization_id"] == "org_2")
        }
    }

    @Test func withGraceBothOrganizationsSucceedEachWithItsOwn() async throws {
        try await TestEmulator.run {
            $0.replayGrace = .seconds(10)
        } body: { emulator in
            let token = try await emulator.signIn()
            let second = try await emulator.refresh(token, organization: "org_2")
            let third = try await emulator.refresh(token, organization: "org_3")
            #expect(second["organization_id"] == "org_2")
            #expect(third["organization_id"] == "org_3")
            let next = try await emulator.refresh(try #require(second["refresh_token"]?.text))
            #expect(next["organization_id"] == "org_2")
        }
    }

    @Test(arguments: [
        (#"{"grant_type":"password","client_id":"c"}"#, 400, "unsupported_grant_type"),
        (#"{"grant_type":"authorization_code","client_id":"c","code":"x"}"#, 400, "unsupported_grant_type"),
        (#"{"grant_type":"refresh_token","client_id":"c"}"#, 400, "invalid_request"),
        (#"{"grant_type":"refresh_token","client_id":"c","refresh_token":7}"#, 400, "invalid_request"),
        (#"{"client_id":"c","refresh_token":"x"}"#, 400, "invalid_request"),
        (#"{"grant_type":"refresh_token","refresh_token":"x"}"#, 400, "invalid_client"),
        (#"{"grant_type":"refresh_token","client_id":"c","refresh_token":"x"}"#, 400, "invalid_grant"),
        ("not json", 400, "invalid_request"), ("[]", 400, "invalid_request"), ("", 400, "invalid_request"),
    ])
    func refusesWhatIsNoRefresh(body: String, status: Int, error: String) async throws {
        try await TestEmulator.run { emulator in
            let reply = try await emulator.send("POST", "/user_management/authenticate", body)
            #expect(reply.status == status)
            #expect(reply["error"] == .string(error))
            #expect(reply["error_description"] != nil)
            #expect(reply.headers["x-request-id"] != nil)
        }
    }

    @Test func credentialsAreChecked() async throws {
        try await TestEmulator.run {
            $0.apiKey = "sk_right"
            $0.clientID = "client_1"
        } body: { emulator in
            let token = try await emulator.signIn()
            func status(_ id: String, _ secret: String?, _ bearer: String?) async throws -> (Int, JSONValue?) {
                var body: [String: JSONValue] = [
                    "grant_type": "refresh_token", "client_id": .string(id), "refresh_token": .string(token),
                ]
                if let secret { body["client_secret"] = .string(secret) }
                let reply = try await emulator.send(
                    "POST", "/user_management/authenticate",
                    String(decoding: try JSONText.bytes(JSONValue.object(body)), as: UTF8.self),
                    headers: bearer.map { ["Authorization": "Bearer \($0)"] } ?? [:])
                return (reply.status, reply["error"])
            }
            #expect(try await status("client_2", "sk_right", nil) == (400, "invalid_client"))
            #expect(try await status("client_1", nil, nil) == (401, "invalid_client"))
            #expect(try await status("client_1", "sk_wrong", nil) == (401, "invalid_client"))
            #expect(try await status("client_1", "sk_right", "sk_wrong") == (401, "invalid_client"))
            #expect(try await emulator.count("invalid_clients") == 4)
            #expect(try await status("client_1", "sk_right", nil).0 == 200)
            #expect(try await status("client_1", nil, "sk_right").1 == "invalid_grant")
            #expect(try await emulator.send("GET", "/sso/jwks/client_2").status == 404)
        }
    }

    @Test func oneConnectionServesManyRefreshes() async throws {
        try await TestEmulator.run {
            $0.delay = .milliseconds(2)
        } body: { emulator in
            var token = try await emulator.signIn()
            let connection = try RawConnection(port: emulator.port)
            for _ in 0..<5 {
                let request = TestEmulator.refreshRequest(token)
                let reply = try await blocking {
                    try connection.send(request)
                    return try HTTPReader(connection).reply()
                }
                token = try #require(reply["refresh_token"]?.text)
            }
        }
    }
}
