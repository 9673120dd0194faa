import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension ClientTests {
    /// One process, many callers.
    @Suite(.serialized) struct Coalescing {
        @Test func `64 threads, one key: one call, equal bytes`() throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { number, _ in
                gate.wait()
                return success("at_\(number)")
            }
            let client = try setting.client(upstream)
            let callers = try (0..<64).map { _ in try client.inBackground("rt_old") }
            #expect(upstream.awaitCalls(1))
            gate.open()
            let results = try callers.map { try $0.get().get() }
            #expect(Set(results) == [try #require(results.first)])
            #expect(results.first?.body == bytes("at_1"))
            #expect(results.first?.requestID == "req_1")
            // And who comes late gets the same.
            #expect(client.outcome("rt_old").body == bytes("at_1"))
            #expect(upstream.count == 1)
            #expect(client.counts.upstreamCalls == 1)
            #expect(client.counts.claims == 1)
            #expect(client.counts.hits >= 1)
        }

        @Test func `two organizations, and none: three calls, never mixed`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, request in success("at_\(request.organizationID ?? "none")") }
            let client = try setting.client(upstream)
            for organization in ["org_a", nil, "org_b", "org_a", nil] as [String?] {
                let outcome = client.outcome(RefreshRequest(refreshToken: "rt", organizationID: organization))
                #expect(outcome.body == bytes("at_\(organization ?? "none")"))
            }
            #expect(upstream.count == 3)
        }

        @Test func `every waiter's error has its own context; afterwards the next call tries anew`() throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { number, _ in
                gate.wait()
                return number == 1 ? serverError : success("at_2")
            }
            let client = try setting.client(upstream)
            let callers = try (0..<8).map { index in
                let context = RefreshContext(userID: "user_\(index)", sessionID: "session_\(index)")
                return try client.inBackground(RefreshRequest(refreshToken: "rt", context: context))
            }
            #expect(upstream.awaitCalls(1))
            // All eight must have joined before the answer: who comes later tries anew.
            #expect(try eventually { try client.joined("rt", upstream, setting) == 8 })
            gate.open()
            for (index, caller) in callers.enumerated() {
                let error = try #require(try caller.get().error)
                #expect(error.userID == "user_\(index)")
                #expect(error.sessionID == "session_\(index)")
                #expect(error.code == .upstreamFailed)
                #expect(error.isRetryable)
                #expect(error.reason == .serverError)
                #expect(error.attempts.count == 1)
            }
            #expect(upstream.count == 1)
            #expect(client.outcome("rt").body == bytes("at_2"))
        }

        @Test func `a terminal failure answers callers for its retention, and no longer`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { number, _ in number == 1 ? invalidGrant : success("at_2") }
            let client = try setting.client(upstream) { $0.terminalFailureRetention = .milliseconds(400) }
            let began = MonotonicInstant.now()
            let first = try #require(client.outcome("rt").error)
            #expect(first.code == .sessionEnded)
            #expect(!first.isRetryable)
            let second = client.outcome(
                RefreshRequest(refreshToken: "rt", context: RefreshContext(userID: "u2")))
            if began.duration(to: .now()) < .milliseconds(400) {
                #expect(second.error?.reason == .invalidGrant)
                #expect(second.error?.userID == "u2")
                #expect(second.error?.attempts == first.attempts)
                #expect(upstream.count == 1)
            }
            #expect(eventually { client.outcome("rt").body == bytes("at_2") })
            #expect(began.duration(to: .now()) >= .milliseconds(400))
            #expect(upstream.count == 2)
        }

        @Test func `two clients of one directory, other times: each call has its own client's lease`() throws {
            let setting = try Setting()
            let brief = try setting.client(ScriptedUpstream { _, _ in success("brief") }) {
                $0.requestTimeout = .milliseconds(100)
                $0.lease = .milliseconds(150)
            }
            #expect(brief.outcome("rt_1").body == bytes("brief"))
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("long")
            }
            let long = try setting.client(upstream)
            let caller = try long.inBackground("rt_2")
            #expect(upstream.awaitCalls(1))
            guard
                case .join(_, _, _, let ends, _) = try setting.table().look(
                    at: setting.key("rt_2", upstream), as: Claim(), deadline: soon())
            else {
                Issue.record("the lease is not held")
                return
            }
            #expect(BootInstant.now().duration(to: ends) > .seconds(10))
            gate.open()
            #expect(try caller.get().body == bytes("long"))
        }
    }
}
