import AuthKitTestSupport
import Foundation
import Testing

/// The tests of the reference implementation's `refreshTokens()`, `validateAndRefresh()` and `verifyToken()`, each under
/// its name there, in both forms: callers in one process, and spread over four that share a directory. The upstream is
/// the emulator, over HTTP; times are those of the defaults.
@Suite(.timeLimit(.minutes(2))) struct ReferenceTests {
    private func call(
        _ token: String, organization: String? = nil, kind: WorkerCall.Kind = .validate
    ) -> WorkerCall {
        WorkerCall(kind, refreshToken: token, userID: "user_123", organizationID: organization)
    }

    // MARK: refreshTokens()

    @Test(arguments: Form.allCases)
    func `refreshes tokens via WorkOS`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        let replies = try await fleet.run(Array(repeating: call(token, kind: .refresh), count: 4), form)
        let first = try #require(replies.first)
        #expect(first.accessToken?.isEmpty == false)
        #expect(first.refreshToken != nil && first.refreshToken != token)
        #expect(first.userID?.hasPrefix("user_") == true)
        #expect(Set(replies.map(\.accessToken)).count == 1)
        #expect(try await fleet.arrivals(of: token).count == 1)
    }

    @Test(arguments: Form.allCases)
    func `includes organizationId when provided`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        let replies = try await fleet.run(
            Array(repeating: call(token, organization: "org_123", kind: .refresh), count: 4), form)
        #expect(replies.allSatisfy { $0.error == nil })
        #expect(try await fleet.arrivals(of: token).map(\.organization) == ["org_123"])
    }

    @Test(arguments: Form.allCases)
    func `throws TokenRefreshError on failure`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = "never-issued-\(form)"
        let replies = try await fleet.run(Array(repeating: call(token, kind: .refresh), count: 4), form)
        for reply in replies {
            #expect(reply.error == "sessionEnded")
            #expect(reply.reason == "invalid_grant")
            #expect(reply.userID == "user_123")
        }
        #expect(try await fleet.arrivals(of: token).count == 1)
    }

    @Test(arguments: Form.allCases)
    func `deduplicates concurrent calls with the same refresh token`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        try await fleet.fault(token, #""kind":"delay","delay_ms":700"#)
        let replies = try await fleet.run(Array(repeating: call(token), count: 12), form)
        #expect(replies.allSatisfy { $0.refreshed == true && $0.verified == true })
        #expect(Set(replies.map(\.accessToken)).count == 1)
        #expect(Set(replies.map(\.refreshToken)).count == 1)
        // Beyond the reference: who comes when it is over, in whatever process, gets the same.
        let late = try await fleet.runLater(Array(repeating: call(token), count: 4), form)
        #expect(Set(late.map(\.accessToken)) == Set(replies.map(\.accessToken)))
        #expect(try await fleet.arrivals(of: token).count == 1)
    }

    @Test(arguments: Form.allCases)
    func `propagates errors to all concurrent waiters`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        try await fleet.fault(token, #""kind":"status","status":500,"delay_ms":4000"#)
        let calls = (0..<4).map { number in
            var one = call(token)
            one.userID = "user_\(number)"
            return one
        }
        let replies = try await fleet.run(calls, form)
        #expect(replies.allSatisfy { $0.error == "upstreamFailed" && $0.reason == "server_error" })
        #expect(replies.allSatisfy { $0.retryable == true })
        // Beyond the reference: each waiter's error is about its own user.
        #expect(replies.map(\.userID) == ["user_0", "user_1", "user_2", "user_3"])
        #expect(try await fleet.arrivals(of: token).count == 1)
    }

    @Test(arguments: Form.allCases)
    func `retries after a failed concurrent batch`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        try await fleet.fault(token, #""kind":"status","status":500,"delay_ms":4000"#)
        let failed = try await fleet.run(Array(repeating: call(token), count: 4), form)
        #expect(failed.allSatisfy { $0.error == "upstreamFailed" })
        #expect(try await fleet.arrivals(of: token).count == 1)
        let later = try await fleet.runLater([call(token)], form)
        #expect(later.first?.refreshed == true)
        #expect(later.first?.accessToken != nil)
        #expect(try await fleet.arrivals(of: token).count == 2)
    }

    @Test(arguments: Form.allCases)
    func `deduplicates separately per organizationId`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        // Both must be on their way before the first spends the token.
        try await fleet.fault(token, #""kind":"status","status":500,"delay_ms":4000,"count":2"#)
        // One of each organization in each process.
        let calls = ["org_a", "org_b"].flatMap { Array(repeating: call(token, organization: $0), count: 4) }
        let replies = try await fleet.run(calls, form)
        #expect(replies.allSatisfy { $0.error == "upstreamFailed" })
        #expect(try await Set(fleet.arrivals(of: token).map(\.organization)) == ["org_a", "org_b"])
        #expect(try await fleet.arrivals(of: token).count == 2)
    }

    /// Runs callers into a 429 with this `Retry-After`, and says how long after it the second call came.
    private func pause(_ retryAfter: String?, _ form: Form, callers: Int = 4) async throws -> Double {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        let field = retryAfter.map { ",\"retry_after\":\($0)" } ?? ""
        try await fleet.fault(token, "\"kind\":\"status\",\"status\":429\(field)")
        let replies = try await fleet.run(Array(repeating: call(token, kind: .refresh), count: callers), form)
        #expect(replies.allSatisfy { $0.error == nil && $0.accessToken != nil })
        #expect(Set(replies.map(\.accessToken)).count == 1)
        let arrivals = try await fleet.arrivals(of: token)
        try #require(arrivals.count == 2)
        return arrivals[1].at - arrivals[0].at
    }

    @Test(arguments: Form.allCases)
    func `retries once after a RateLimitExceededException`(form: Form) async throws {
        #expect(try await pause("2", form) >= 2)
    }

    @Test(arguments: Form.allCases)
    func `honors retryAfter from the exception`(form: Form) async throws {
        let pause = try await pause("5", form)
        #expect(pause >= 5 && pause < 9)
    }

    @Test(arguments: Form.allCases)
    func `defaults to 1s delay when retryAfter is null`(form: Form) async throws {
        let pause = try await pause(nil, form)
        #expect(pause >= 1 && pause < 4)
    }

    @Test(arguments: Form.allCases)
    func `throws TokenRefreshError when retry also hits rate limit`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        try await fleet.fault(token, #""kind":"status","status":429,"retry_after":1,"count":2"#)
        let replies = try await fleet.run(Array(repeating: call(token, kind: .refresh), count: 4), form)
        for reply in replies {
            #expect(reply.error == "upstreamFailed")
            #expect(reply.reason == "rate_limit_exceeded")
            #expect(reply.attempts == ["rate_limit_exceeded", "rate_limit_exceeded"])
            #expect(reply.description?.contains("after 2 attempts") == true)
        }
        #expect(try await fleet.arrivals(of: token).count == 2)
    }

    @Test(arguments: Form.allCases)
    func `caps retryAfter at 10s`(form: Form) async throws {
        let pause = try await pause("300", form)
        #expect(pause >= 10 && pause < 15)
    }

    @Test(arguments: Form.allCases)
    func `clamps sub-1s retryAfter up to a 1s floor`(form: Form) async throws {
        let pause = try await pause("\"0.3\"", form)
        #expect(pause >= 1 && pause < 4)
    }

    @Test(arguments: Form.allCases)
    func `defaults to 1s for non-finite retryAfter values`(form: Form) async throws {
        let pause = try await pause("\"Infinity\"", form)
        #expect(pause >= 1 && pause < 4)
    }

    @Test(arguments: Form.allCases)
    func `wraps non-rate-limit retry errors correctly`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        try await fleet.fault(token, #""kind":"status","status":429,"retry_after":1"#)
        try await fleet.fault(token, #""kind":"reset_before""#)
        let replies = try await fleet.run(Array(repeating: call(token, kind: .refresh), count: 4), form)
        for reply in replies {
            #expect(reply.error == "upstreamFailed")
            #expect(reply.reason == "network_error")
            // Both causes, in order.
            #expect(reply.attempts == ["rate_limit_exceeded", "network_error"])
        }
        #expect(try await fleet.arrivals(of: token).count == 2)
    }

    @Test(arguments: Form.allCases)
    func `shares retry result with concurrent dedup waiters`(form: Form) async throws {
        #expect(try await pause("1", form, callers: 12) >= 1)
    }

    // MARK: validateAndRefresh()

    /// A token as the upstream made it, long expired, with an organization; the signature is no longer looked at.
    private static let expired =
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ."
        + TestIssuer.base64URL(
            Data(#"{"sub":"user_123","sid":"session_999","exp":1000000000,"org_id":"org_abc"}"#.utf8)) + ".c2ln"

    @Test(arguments: Form.allCases)
    func `forces refresh when token invalid and returns new session`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        var one = call(token)
        one.accessToken = Self.expired
        let replies = try await fleet.run(Array(repeating: one, count: 4), form)
        for reply in replies {
            #expect(reply.refreshed == true)
            #expect(reply.accessToken != Self.expired)
            #expect(reply.refreshToken != token)
            #expect(reply.sessionID?.hasPrefix("session_") == true)
        }
        // Where we differ: the organization of the old token is asked for though it has expired.
        #expect(try await fleet.arrivals(of: token).map(\.organization) == ["org_abc"])
    }

    @Test(arguments: Form.allCases)
    func `propagates explicit organizationId into refresh`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        var one = call(token, organization: "org_explicit")
        one.accessToken = Self.expired
        let replies = try await fleet.run(Array(repeating: one, count: 4), form)
        #expect(replies.allSatisfy { $0.refreshed == true })
        #expect(try await fleet.arrivals(of: token).map(\.organization) == ["org_explicit"])
    }

    @Test(arguments: Form.allCases)
    func `continues when access token is unparseable`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let token = try await fleet.signIn()
        var one = call(token)
        one.accessToken = "not-a-jwt"
        let replies = try await fleet.run(Array(repeating: one, count: 4), form)
        #expect(replies.allSatisfy { $0.refreshed == true })
        #expect(try await fleet.arrivals(of: token).map(\.organization) == [nil])
    }

    @Test(arguments: Form.allCases)
    func `a valid session is returned as it is, unless forced`(form: Form) async throws {
        let fleet = try await Fleet.shared.value
        let session = try await fleet.session(#"{"organization_id":"org_1"}"#)
        var one = call(session.refreshToken)
        one.accessToken = session.accessToken
        let valid = try await fleet.run(Array(repeating: one, count: 4), form)
        #expect(valid.allSatisfy { $0.refreshed == false && $0.verified == true })
        #expect(try await fleet.arrivals(of: session.refreshToken).isEmpty)
        one.isForced = true
        let forced = try await fleet.run(Array(repeating: one, count: 4), form)
        #expect(forced.allSatisfy { $0.refreshed == true && $0.verified == true })
        #expect(try await fleet.arrivals(of: session.refreshToken).map(\.organization) == ["org_1"])
    }

    // MARK: verifyToken()

    /// What the workers say of this access token, and of a valid one.
    private func verified(_ accessToken: String, _ form: Form) async throws -> (given: [Bool?], valid: [Bool?]) {
        let fleet = try await Fleet.shared.value
        let session = try await fleet.session()
        func ask(_ accessToken: String) async throws -> [Bool?] {
            var one = call(session.refreshToken, kind: .verify)
            one.accessToken = accessToken
            return try await fleet.run(Array(repeating: one, count: 4), form).map(\.verified)
        }
        let answers = (given: try await ask(accessToken), valid: try await ask(session.accessToken))
        // To look at a token spends nothing.
        #expect(try await fleet.arrivals(of: session.refreshToken).isEmpty)
        return answers
    }

    @Test(arguments: Form.allCases)
    func `returns false for invalid tokens`(form: Form) async throws {
        let answers = try await verified("invalid-token", form)
        #expect(answers.given == [false, false, false, false])
        #expect(answers.valid == [true, true, true, true])
    }

    @Test(arguments: Form.allCases)
    func `returns false for malformed tokens`(form: Form) async throws {
        let answers = try await verified("not.a.jwt", form)
        #expect(answers.given == [false, false, false, false])
        #expect(answers.valid == [true, true, true, true])
    }
}
