import Foundation
import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension RefreshClient {
    /// The lease of a token that is to be had at once.
    func lease(_ token: String, lasting lease: Duration? = nil) throws -> HeldLease {
        let begun = try begin(RefreshRequest(refreshToken: token), lease: lease)
        guard case .holder(let held) = begun else { throw CancellationError() }
        return held
    }
}

extension HeldLease {
    /// Waits for the end of a pause that is under way, which began as long as that.
    fileprivate func waitOutPause(of length: Duration) throws {
        guard case .wait(let left) = try maySend() else {
            Issue.record("the pause is not over")
            return
        }
        #expect(left > .zero && left <= length)
        pause(for: left + .milliseconds(1))
    }
}

private func body(_ accessToken: String) -> UpstreamSuccess {
    UpstreamSuccess(body: bytes(accessToken), requestID: "req_own")
}

private let tooManyRequests = UpstreamFailure(
    class: .transient, reason: .rateLimitExceeded, status: 429, retryAfterMilliseconds: 300, detail: "slow down")

extension ClientTests {
    /// A lease in the caller's hands.
    @Suite(.serialized) struct Begin {
        private let setting: Setting
        private let upstream = ScriptedUpstream { number, _ in success("at_\(number)") }

        init() throws { setting = try Setting() }

        @Test func `who begins first holds, all others have the result`() throws {
            let client = try setting.client(upstream)
            let held = try client.lease("rt")
            let callers = try (0..<4).map { _ in try client.inBackground("rt") }
            let other = try Worker(setting)
            other.tell("refresh 1 rt")
            #expect(eventually { other.isAsleepInPoll })
            #expect(try eventually { try client.joined("rt", upstream, setting) == 3 })
            #expect(try held.maySend() == .send)
            #expect(try held.publish(body("at_mine")).body == bytes("at_mine"))
            for caller in callers { #expect(try caller.get().body == bytes("at_mine")) }
            #expect(try other.event("done")[3] == #"{"access_token":"at_mine"}"#)
            guard case .result(let late) = try client.begin(RefreshRequest(refreshToken: "rt")) else {
                Issue.record("the result is stored")
                return
            }
            #expect(late.body == bytes("at_mine") && late.requestID == "req_own")
            #expect(upstream.count == 0 && client.counts.claims == 1)
        }

        @Test(arguments: [true, false])
        func `a lease that is given up, or let go of, is another's at once`(isGivenUp: Bool) throws {
            let client = try setting.client(upstream)
            var held: HeldLease? = try client.lease("rt")
            let caller = try client.inBackground("rt")
            #expect(try eventually { try client.isFlying("rt", upstream, setting) })
            #expect(upstream.count == 0)
            if isGivenUp { held?.abandon() }
            held = nil
            #expect(try caller.get().body == bytes("at_1"))
            #expect(try setting.table().record(of: setting.key("rt", upstream))?.attempt == 1)
        }

        @Test func `a holder in this process that hangs is passed when its lease ends`() throws {
            let client = try setting.client(upstream)
            let held = try client.lease("rt", lasting: .milliseconds(300))
            let took = took { #expect(client.outcome("rt").body == bytes("at_1")) }
            #expect(took > .milliseconds(200) && took < .seconds(2))
            #expect(try held.maySend() == .lost)
            // What it brings late is not the token's successor any more.
            #expect(try held.publish(body("at_late")).body == bytes("at_1"))
        }

        @Test func `a lease is ended once`() throws {
            let client = try setting.client(upstream)
            let held = try client.lease("rt")
            _ = try held.publish(body("at"))
            for call in [{ _ = try held.publish(body("at_2")) }, { _ = try held.fail(tooManyRequests) }] {
                let error = #expect(throws: TokenRefreshError.self) { try call() }
                #expect(error?.code == .leaseLost && error?.isRetryable == true)
            }
            #expect(throws: TokenRefreshError.self) { try held.maySend() }
            #expect(throws: TokenRefreshError.self) { try held.renew(for: .seconds(1)) }
            held.abandon()
            #expect(client.outcome("rt").body == bytes("at"))
        }

        @Test func `a failure is everyone's`() throws {
            let client = try setting.client(upstream)
            let held = try client.lease("rt")
            let caller = try client.inBackground("rt")
            #expect(try eventually { try client.isFlying("rt", upstream, setting) })
            let failure = UpstreamFailure(class: .terminal, reason: .invalidGrant, status: 400, detail: "spent")
            let own = #expect(throws: TokenRefreshError.self) { try held.fail(failure) }
            #expect(own?.code == .sessionEnded)
            #expect(try caller.get().error?.reason == .invalidGrant)
            #expect(upstream.count == 0)
        }

        @Test func `a rate limit keeps the lease for one more call, and tells successors to wait`() throws {
            let client = try setting.client(upstream)
            let held = try client.lease("rt")
            #expect(try held.fail(tooManyRequests, mayRetry: true) == .retry(after: .milliseconds(300)))
            try held.waitOutPause(of: .milliseconds(300))
            #expect(try held.maySend() == .send)
            let error = #expect(throws: TokenRefreshError.self) { try held.fail(tooManyRequests, mayRetry: true) }
            #expect(error?.attempts.count == 2)
        }

        @Test func `a pause that the upstream asked of a holder before is waited for`() throws {
            let client = try setting.client(upstream)
            let pauseEnds = BootInstant.now().advanced(by: .milliseconds(300))
            _ = try setting.table().leaveWithPause(setting.key("rt", upstream), until: pauseEnds)
            let held = try client.lease("rt")
            #expect(BootInstant.now() >= pauseEnds)
            held.abandon()
            _ = try setting.table().leaveWithPause(
                setting.key("rt_2", upstream), until: BootInstant.now().advanced(by: .seconds(5)))
            let error = #expect(throws: TokenRefreshError.self) {
                try client.begin(RefreshRequest(refreshToken: "rt_2"), deadline: .milliseconds(200))
            }
            #expect(error?.code == .deadlineExceeded)
        }

        @Test func `a lease that is passed during the pause is not handed out`() throws {
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let pauseEnds = BootInstant.now().advanced(by: .seconds(2))
            let left = try table.leaveWithPause(key, until: pauseEnds)
            let caller = try Background { Result { try client.begin(RefreshRequest(refreshToken: "rt")) } }
            _ = try table.awaitHolder(of: key, after: left)
            let successor = try table.passHolder(of: key)
            _ = try table.publish(successor, result: payload("at_successor"), deadline: soon())
            guard case .result(let result) = try caller.get().get() else {
                Issue.record("the lease was lost")
                return
            }
            #expect(result.body == bytes("at_successor"))
        }

        @Test func `who was passed does not speak for the others`() throws {
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let held = try client.lease("rt")
            let successor = try table.passHolder(of: key)
            #expect(try held.maySend() == .lost)
            #expect(try held.renew(for: .seconds(5)) == false)
            let failure = UpstreamFailure(class: .terminal, reason: .invalidGrant, status: 400, detail: "spent")
            let error = #expect(throws: TokenRefreshError.self) { try held.fail(failure) }
            #expect(error?.code == .leaseLost && error?.isRetryable == true)
            _ = try table.publish(successor, result: payload("at_successor"), deadline: soon())
            #expect(client.outcome("rt").body == bytes("at_successor"))
        }

        @Test func `who fails after a success was stored, has the success`() throws {
            let client = try setting.client(upstream)
            let table = try setting.table()
            let held = try client.lease("rt")
            let successor = try table.passHolder(of: setting.key("rt", upstream))
            _ = try table.publish(successor, result: payload("at_successor"), deadline: soon())
            guard case .result(let result) = try held.fail(tooManyRequests, mayRetry: true) else {
                Issue.record("there is a success")
                return
            }
            #expect(result.body == bytes("at_successor"))
        }

        @Test func `renewing holds off a successor`() throws {
            let client = try setting.client(upstream)
            let held = try client.lease("rt", lasting: .milliseconds(200))
            #expect(try held.renew(for: .seconds(20)))
            let caller = try client.inBackground("rt", deadline: .milliseconds(500))
            #expect(try caller.get().error?.code == .deadlineExceeded)
            _ = try held.publish(body("at"))
            #expect(upstream.count == 0)
        }

        @Test func `a lease too short for the call is renewed before it is sent`() throws {
            let client = try setting.client(upstream)
            let held = try client.lease("rt", lasting: .milliseconds(200))
            #expect(try held.maySend(callTimeout: .seconds(60)) == .send)
            let record = try #require(try setting.table().record(of: setting.key("rt", upstream)))
            #expect(BootInstant.now().duration(to: record.leaseEnds) > .seconds(60))
        }

        @Test func `a result that cannot be stored yet is this process's, and the others' when it can`() throws {
            let client = try setting.client(upstream) { $0.publishTimeout = .milliseconds(200) }
            let held = try client.lease("rt")
            let caller = try client.inBackground("rt", deadline: .seconds(2))
            let other = try Worker(setting)
            other.tell("refresh 1 rt")
            #expect(eventually { other.isAsleepInPoll })
            #expect(try eventually { try client.isFlying("rt", upstream, setting) })
            let worker = try Worker(setting)
            worker.tell("lock")
            _ = try worker.event("locked")
            let took = try took { () throws in #expect(try held.publish(body("at")).body == bytes("at")) }
            #expect(took < .seconds(2))
            // It waits on the pipe, which stays open until the result is stored, and has the result at its deadline.
            #expect(try caller.get().body == bytes("at"))
            #expect(other.count("done") == 0)
            worker.signal(SIGKILL)
            #expect(try other.event("done")[3] == #"{"access_token":"at"}"#)
            #expect(upstream.count == 0)
        }

        @Test func `a full table: who begins refreshes alone, and its process has the result`() throws {
            let client = try setting.client(upstream, smallTable)
            try fill(setting.table(smallTable), setting, upstream)
            let held = try client.lease("rt")
            #expect(held.isAlone)
            let caller = try client.inBackground("rt")
            var waiter = try client.waiter(for: RefreshRequest(refreshToken: "rt"))
            guard case .wait(nil, let pause) = try waiter.resume() else {
                Issue.record("somebody of this process is on it")
                return
            }
            #expect(pause <= .milliseconds(50))
            #expect(try eventually { try client.joined("rt", upstream, setting) == 1 })
            _ = try held.publish(body("at_alone"))
            #expect(try caller.get().body == bytes("at_alone"))
            guard case .result(let result) = try waiter.resume() else {
                Issue.record("it has ended")
                return
            }
            #expect(result.body == bytes("at_alone"))
            #expect(upstream.count == 0 && client.counts.refreshedAlone == 1)
        }

        @Test func `a full table: a rate limit is waited for, and nobody of the process passes meanwhile`() throws {
            let client = try setting.client(upstream, smallTable)
            try fill(setting.table(smallTable), setting, upstream)
            let held = try client.lease("rt", lasting: .milliseconds(50))
            #expect(try held.maySend() == .send)
            #expect(try held.fail(tooManyRequests, mayRetry: true) == .retry(after: .milliseconds(300)))
            // Longer than the lease was to last.
            try held.waitOutPause(of: .milliseconds(300))
            #expect(try held.maySend() == .send)
            let caller = try client.inBackground("rt")
            #expect(try eventually { try client.joined("rt", upstream, setting) == 1 })
            _ = try held.publish(body("at_alone"))
            #expect(try caller.get().body == bytes("at_alone"))
            #expect(upstream.count == 0)
        }

        @Test func `a full table: who hangs alone is passed by newcomers when its lease would have ended`() throws {
            let client = try setting.client(upstream, smallTable)
            try fill(setting.table(smallTable), setting, upstream)
            let held = try client.lease("rt", lasting: .milliseconds(200))
            pause(for: .milliseconds(250))
            #expect(client.outcome("rt").body == bytes("at_1"))
            withExtendedLifetime(held) {}
        }
    }
}
