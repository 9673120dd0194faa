import Testing

@testable import WorkOSEmulator

@Suite struct LimitTests {
    @Test func aUserMayRefreshTenTimesAMinute() async throws {
        try await TestEmulator.run {
            $0.userLimit = EmulatorSettings().userLimit
        } body: { emulator in
            var token = try await emulator.signIn(#"{"email":"one@example.com"}"#)
            for _ in 0..<10 {
                token = try #require(try await emulator.refresh(token)["refresh_token"]?.text)
                emulator.time.advance(by: .seconds(1))
            }
            let refused = try await emulator.refresh(token)
            #expect(refused.status == 429)
            #expect(refused["error"] == "too_many_requests")
            #expect(refused["error_description"] == "Could not process refresh token. Please retry.")
            #expect(refused.headers["retry-after"] == "50")
            // Another session of the same user shares the limit, another user does not.
            let same = try await emulator.signIn(#"{"email":"one@example.com"}"#)
            #expect(try await emulator.refresh(same).status == 429)
            #expect(try await emulator.refresh(try await emulator.signIn()).status == 200)
            #expect(try await emulator.count("rate_limited") == 2)
            emulator.time.advance(by: .milliseconds(49_999))
            #expect(try await emulator.refresh(token).headers["retry-after"] == "1")
            emulator.time.advance(by: .milliseconds(1))
            #expect(try await emulator.refresh(token).status == 200, "a refusal left the token good")
        }
    }

    @Test func theEnvironmentHasALimitOfItsOwn() async throws {
        try await TestEmulator.run {
            $0.environmentLimit = RateLimit(count: 2, seconds: 10)
            $0.retryAfter = 3
        } body: { emulator in
            let tokens = [
                try await emulator.signIn(), try await emulator.signIn(), try await emulator.signIn(),
            ]
            #expect(try await emulator.refresh(tokens[0]).status == 200)
            #expect(try await emulator.refresh(tokens[1]).status == 200)
            let refused = try await emulator.refresh(tokens[2])
            #expect(refused.status == 429)
            #expect(refused["code"] == "rate_limit_exceeded")
            #expect(refused.headers["retry-after"] == "3")
            emulator.time.advance(by: .seconds(10))
            #expect(try await emulator.refresh(tokens[2]).status == 200)
        }
    }

    @Test func windowLetsInExactlyWhenTheOldestLeaves() {
        var window = SlidingWindow()
        let limit = RateLimit(count: 2, seconds: 10)
        #expect(window.admit(limit, now: .seconds(0)) == nil)
        #expect(window.admit(limit, now: .seconds(4)) == nil)
        #expect(window.admit(limit, now: .seconds(5)) == .seconds(5))
        #expect(window.admit(limit, now: .milliseconds(9_999)) == .milliseconds(1))
        #expect(window.admit(limit, now: .seconds(10)) == nil, "what was refused did not count")
        #expect(window.admit(limit, now: .seconds(10)) == .seconds(4))
        // A lowered limit waits until fewer than its count are left.
        #expect(window.admit(RateLimit(count: 1, seconds: 10), now: .seconds(11)) == .seconds(9))
        #expect(!window.isEmpty(limit, now: .milliseconds(19_999)))
        #expect(window.isEmpty(limit, now: .seconds(20)))
    }

    @Test(arguments: [
        "", "10", "10/", "/60", "0/60", "10/0", "-1/60", "10/60/1", "x/60", "10/1000001", "10 / 60",
    ])
    func refusesALimitThatIsNone(text: String) {
        #expect(RateLimit(text) == nil)
    }

    @Test func readsALimit() {
        #expect(RateLimit("10/60") == RateLimit(count: 10, seconds: 60))
        #expect(RateLimit(count: 500, seconds: 10).description == "500/10")
    }
}
