import AuthKit
import AuthKitTestSupport
import Foundation
import RefreshClient
import Testing
import WorkOS

/// Which tokens are valid, which are refreshed, and what is asked for.
struct ValidationTests {
    private func world(
        _ change: (inout AuthKitConfiguration) -> Void = { _ in }, answer: String? = nil
    ) async throws -> (TestWorld, TestIssuer) {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(
            issuer,
            others: [
                ["kty": "EC", "kid": "ec", "crv": "P-256"], ["kty": "later", "kid": "x"],
                ["kty": "RSA", "kid": "broken"],
            ])
        let fresh = try await issuer.token(TestWorld.claims(["sid": "session_2"], lives: 900))
        let world = try TestWorld(keys: { set }, change) { _ in UpstreamScript.success(answer ?? fresh) }
        return (world, issuer)
    }

    @Test func `a valid token is returned as it is, and its keys are fetched once`() async throws {
        let (world, issuer) = try await world()
        let session = world.session(
            try await issuer.token(
                TestWorld.claims([
                    "org_id": "org_1", "roles": ["admin", "member"], "permissions": ["read"], "new": 1.5,
                ])))
        for _ in 0..<3 {
            let validated = try await world.core.validateAndRefresh(session)
            #expect(validated.session == session)
            #expect(!validated.isRefreshed)
            #expect(validated.verification == .verified)
            #expect(validated.claims?.sessionID == "session_1")
            #expect(validated.claims?.userID == "user_1")
            #expect(validated.claims?.organizationID == "org_1")
            #expect(validated.claims?.roles == ["admin", "member"])
            #expect(validated.claims?.permissions == ["read"])
            #expect(validated.claims?.all["new"] == .number(1.5))
            #expect(validated.claims?.expiresAt == Date(timeIntervalSince1970: Double(ManualTime.start + 300)))
        }
        #expect(await world.core.verifyToken(session.accessToken))
        #expect(world.upstream.requests.isEmpty)
        #expect(world.keys.count == 1)
    }

    @Test func `force refreshes a valid token too`() async throws {
        let (world, issuer) = try await world()
        let token = try await issuer.token(TestWorld.claims())
        let validated = try await world.core.validateAndRefresh(world.session(token), force: true)
        #expect(validated.isRefreshed)
        #expect(validated.session.refreshToken == "rt-2")
        #expect(validated.claims?.sessionID == "session_2")
        #expect(validated.verification == .verified)
        #expect(world.upstream.requests.count == 1)
    }

    @Test func `a token counts as expired from the leeway before its exp on, by the injected clock`() async throws {
        let (world, issuer) = try await world { $0.expiryLeeway = .seconds(10) }
        let session = world.session(try await issuer.token(TestWorld.claims()))
        world.time.advance(by: .seconds(289))
        #expect(try await world.core.validateAndRefresh(session).isRefreshed == false)
        world.time.advance(by: .seconds(1))
        #expect(try await world.core.validateAndRefresh(session).isRefreshed)
        #expect(await world.core.verifyToken(session.accessToken) == false)
    }

    @Test func `without leeway, a token is good until its exp`() async throws {
        let (world, issuer) = try await world { $0.expiryLeeway = .zero }
        let session = world.session(try await issuer.token(TestWorld.claims()))
        world.time.advance(by: .seconds(299))
        #expect(await world.core.verifyToken(session.accessToken))
        world.time.advance(by: .seconds(1))
        #expect(await world.core.verifyToken(session.accessToken) == false)
    }

    @Test func `a token that begins later is not valid, but for the leeway`() async throws {
        let (world, issuer) = try await world()
        let soon = try await issuer.token(TestWorld.claims(["nbf": ManualTime.start + 10]))
        let late = try await issuer.token(TestWorld.claims(["nbf": ManualTime.start + 11]))
        #expect(await world.core.verifyToken(soon))
        #expect(await world.core.verifyToken(late) == false)
    }

    @Test func `only RS256 by a known key is accepted`() async throws {
        let (world, issuer) = try await world()
        let other = try await TestIssuer.second.value
        let claims = TestWorld.claims()
        #expect(await world.core.verifyToken(try await issuer.token(claims)))
        // RS384 by the right key; HMAC and no signature under its name; another's signature under its name; no name.
        let refused = [
            try await issuer.token(claims, .rs384),
            try await issuer.token(claims, .hs256),
            try await issuer.token(claims, .unsecured),
            try await other.token(claims, named: "key-1"),
            try await other.token(claims),
            try await issuer.token(claims, named: nil),
            try await issuer.token(claims, named: "broken"),
        ]
        for token in refused { #expect(await world.core.verifyToken(token) == false, "\(token.prefix(60))") }
    }

    @Test func `a token that was changed is refused`() async throws {
        let (world, issuer) = try await world()
        let token = try await issuer.token(TestWorld.claims())
        let parts = token.split(separator: ".").map(String.init)
        let claims = try JSONSerialization.data(withJSONObject: TestWorld.claims(["sub": "user_2"]))
        #expect(await world.core.verifyToken("\(parts[0]).\(TestIssuer.base64URL(claims)).\(parts[2])") == false)
    }

    @Test func `a token without exp is never valid`() async throws {
        let (world, issuer) = try await world()
        var claims = TestWorld.claims()
        claims["exp"] = nil
        #expect(await world.core.verifyToken(try await issuer.token(claims)) == false)
    }

    @Test func `the issuer is compared where one is configured`() async throws {
        let (any, issuer) = try await world()
        let (right, _) = try await world { $0.issuer = "https://issuer.test" }
        let (wrong, _) = try await world { $0.issuer = "https://other.test" }
        let token = try await issuer.token(TestWorld.claims())
        #expect(await any.core.verifyToken(token))
        #expect(await right.core.verifyToken(token))
        #expect(await wrong.core.verifyToken(token) == false)
    }

    @Test(arguments: ["", ".", "..", "a.b.c", "invalid-token", "not.a.jwt", "e30.e30.e30", "e30.W10.e30", "ü.ü.ü"])
    func `what is no token is not valid`(text: String) async throws {
        let (world, _) = try await world()
        #expect(await world.core.verifyToken(text) == false)
        #expect(world.keys.count == 0)
    }

    @Test func `organization and session are read from the old token, expired or not`() async throws {
        let (world, issuer) = try await world()
        let session = world.session(try await issuer.token(TestWorld.claims(["org_id": "org_old"])))
        _ = try await world.core.validateAndRefresh(session, force: true)
        world.time.advance(by: .seconds(301))
        // The same session, the same key: what the first refresh brought, without another call.
        let later = try await world.core.validateAndRefresh(session)
        #expect(later.isRefreshed)
        #expect(world.upstream.requests.map(\.organizationID) == ["org_old"])
    }

    @Test func `an explicit organization comes before the token's`() async throws {
        let (world, issuer) = try await world()
        let session = world.session(try await issuer.token(TestWorld.claims(["org_id": "org_old"])))
        _ = try await world.core.validateAndRefresh(session, force: true, organizationID: "org_new")
        #expect(world.upstream.requests.map(\.organizationID) == ["org_new"])
    }

    @Test func `a failure carries the ids of the session, read from an expired token`() async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let world = try TestWorld(keys: { set }) { _ in
            .failure(UpstreamFailure(class: .terminal, reason: .invalidGrant, status: 400, detail: "refused"))
        }
        var session = world.session(try await issuer.token(TestWorld.claims(lives: -100)))
        let error = await #expect(throws: TokenRefreshError.self) { try await world.core.validateAndRefresh(session) }
        #expect(error?.userID == "user_1")
        #expect(error?.sessionID == "session_1")
        #expect(error?.code == .sessionEnded)
        session.user = nil
        let other = await #expect(throws: TokenRefreshError.self) { try await world.core.validateAndRefresh(session) }
        #expect(other?.userID == "user_1")
        #expect(world.keys.count == 0)
    }

    @Test func `the new session has what the answer has, however odd`() async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let token = try await issuer.token(TestWorld.claims())
        let answers = [
            (
                #","user":{"id":"user_1","x":[1]},"impersonator":{"email":"a@b.test","reason":"r"},"organization_id":"org_1""#,
                true
            ),
            (#","user":7,"impersonator":"nobody","organization_id":[],"authentication_method":{}"#, false),
        ]
        for (index, (more, isWhole)) in answers.enumerated() {
            let world = try TestWorld(keys: { set }) { _ in UpstreamScript.success(token, more) }
            var session = world.session("expired")
            session.refreshToken = "rt-\(index)"
            let validated = try await world.core.validateAndRefresh(session)
            #expect(validated.session.accessToken == token)
            #expect(validated.session.refreshToken == "rt-2")
            #expect((validated.session.user?["id"]?.stringValue == "user_1") == isWhole)
            #expect((validated.session.impersonator?.email == "a@b.test") == isWhole)
            #expect((validated.session.organizationID == "org_1") == isWhole)
        }
    }

    /// What the client takes for a success, and publishes, must make a session: the old token is spent.
    @Test(arguments: [
        #""user":{"id":"user_1","first_name":"\ud800"}"#,
        #""user":{"id":"user_1","metadata":{"x":1e400}}"#,
        #""organization_id":"\udc00","impersonator":{"email":"\ud800"}"#,
        #""later":1e400,"even_later":"\ud800","oauth_tokens":[{"x":"\ud83d"}]"#,
    ])
    func `a field that no value can hold does not cost the tokens`(field: String) async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let token = try await issuer.token(TestWorld.claims())
        let body = Array(#"{"access_token":"\#(token)",\#(field),"refresh_token":"rt-2"}"#.utf8)
        guard case .success(let success) = ProgramAnswer(status: 200, body: body).classified() else {
            Issue.record("the client takes this for no success")
            return
        }
        let world = try TestWorld(keys: { set }) { _ in .success(success) }
        let validated = try await world.core.validateAndRefresh(world.session("expired"))
        let user = field.contains("user_1") ? JSONValue.object(["id": .string("user_1")]) : nil
        #expect(validated.session == AuthKitSession(accessToken: token, refreshToken: "rt-2", user: user))
        #expect(validated.verification == .verified)
    }

    /// It would be refreshed on every request.
    @Test(arguments: [#""first_name":"\ud800""#, #""x":{"y":1e400}"#])
    func `a claim that no value can hold does not cost the token`(claim: String) async throws {
        let (world, issuer) = try await world()
        let claims = #"{"sub":"user_1","sid":"session_1","exp":\#(ManualTime.start + 300),\#(claim)}"#
        let session = world.session(try issuer.token(verbatim: claims))
        let validated = try await world.core.validateAndRefresh(session)
        #expect(!validated.isRefreshed)
        #expect(validated.verification == .verified)
        #expect(
            validated.claims?.all
                == .object([
                    "sub": .string("user_1"), "sid": .string("session_1"),
                    "exp": .integer(Int64(ManualTime.start + 300)),
                ]))
    }

    @Test func `where the upstream does not rotate, the refresh token stays`() async throws {
        #expect(
            try AuthKitSession(answer: Array(#"{"access_token":"at"}"#.utf8), replacing: "rt").refreshToken == "rt")
        for odd in [#""""#, "7", "null", #""\ud800""#] {
            let body = Array(#"{"access_token":"at","refresh_token":\#(odd)}"#.utf8)
            #expect(try AuthKitSession(answer: body, replacing: "rt").refreshToken == "rt", "\(odd)")
        }
        #expect(throws: AuthKitError.answerWithoutTokens) {
            try AuthKitSession(answer: Array(#"{"access_token":"at"}"#.utf8))
        }
        #expect(throws: AuthKitError.answerWithoutTokens) {
            try AuthKitSession(answer: Array(#"{"refresh_token":"rt"}"#.utf8), replacing: "rt")
        }
    }

    @Test func `no description names a token`() throws {
        let session = AuthKitSession(accessToken: "at-secret", refreshToken: "rt-secret")
        var dumped = ""
        dump(session, to: &dumped)
        #expect(!"\(session) \(String(reflecting: session)) \(dumped)".contains("secret"))
    }
}
