import Foundation
import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension LeaseWaiter.Progress {
    fileprivate var descriptor: Int32? {
        if case .wait(let descriptor, _) = self { descriptor } else { nil }
    }

    fileprivate var body: [UInt8]? {
        if case .result(let result) = self { result.body } else { nil }
    }

    fileprivate var lease: HeldLease? {
        if case .holder(let held) = self { held } else { nil }
    }

    fileprivate var atMost: Duration? {
        if case .wait(_, let duration) = self { duration } else { nil }
    }
}

private func isReadable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) == 1
}

extension ClientTests {
    /// Waiting without a thread.
    @Suite(.serialized) struct WaitingWithoutThread {
        private let setting: Setting
        private let upstream = ScriptedUpstream { number, _ in success("at_\(number)") }
        private let request = RefreshRequest(refreshToken: "rt")

        init() throws { setting = try Setting() }

        @Test func `the descriptor is readable when the result is there`() throws {
            let client = try setting.client(upstream)
            let table = try setting.table()
            let tenure = try #require(try table.take(setting.key("rt", upstream)))
            var waiter = try client.waiter(for: request)
            let progress = try waiter.resume()
            let descriptor = try #require(progress.descriptor)
            #expect(!isReadable(descriptor, within: 20))
            #expect(try #require(progress.atMost) > .seconds(5))
            _ = try table.publish(tenure, result: payload("at_other"), deadline: soon())
            #expect(isReadable(descriptor, within: 1000))
            #expect(try waiter.resume().body == bytes("at_other"))
        }

        @Test func `a holder's end is seen, and one waiter holds`() throws {
            let client = try setting.client(upstream)
            var tenure = try setting.table().take(setting.key("rt", upstream))
            var waiters = try (0..<8).map { _ in try client.waiter(for: request) }
            for index in waiters.indices { #expect(try waiters[index].resume().descriptor != nil) }
            tenure = nil
            #expect(tenure == nil)
            let first = try #require(try waiters[0].resume().lease)
            for index in waiters.indices.dropFirst() { #expect(try waiters[index].resume().descriptor != nil) }
            _ = try first.publish(UpstreamSuccess(body: bytes("at")))
            for index in waiters.indices.dropFirst() { #expect(try waiters[index].resume().body == bytes("at")) }
            #expect(client.counts.takeovers == 1)
        }

        // Holder      One who waits      Another
        // dies
        //             goes first
        //             dies
        //                                lets it go first, for a moment, and then holds
        @Test func `nobody relies on who goes first after a holder's end`() throws {
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            var tenure = try table.take(key)
            var waiter = try client.waiter(for: request)
            #expect(try waiter.resume().descriptor != nil)
            let pipe = try #require(try table.record(of: key)).pipe
            tenure = nil
            #expect(tenure == nil)
            #expect(table.goesFirst(after: pipe))
            guard case .wait(nil, let moment) = try waiter.resume() else {
                Issue.record("it did not let the other one go first")
                return
            }
            #expect(moment <= .milliseconds(1))
            pause(for: moment)
            _ = try #require(try waiter.resume().lease).publish(UpstreamSuccess(body: bytes("at")))
            #expect(client.counts.takeovers == 1)
        }

        // Worker                    Test
        // inside a write
        // transaction, stopped
        //                           begins: 20 ms, no descriptor
        //                           its deadline
        @Test func `where the table is held up, it comes back soon`() throws {
            let client = try setting.client(upstream)
            #expect(client.outcome("rt_1").body == bytes("at_1"))
            let worker = try Worker(setting)
            worker.tell("lock")
            _ = try worker.event("locked")
            worker.signal(SIGSTOP)
            var waiter = try client.waiter(for: request, deadline: .milliseconds(200))
            let began = MonotonicInstant.now()
            let progress = try waiter.resume()
            #expect(began.duration(to: .now()) < .milliseconds(70))
            #expect(progress.descriptor == nil)
            #expect(try #require(progress.atMost) <= .milliseconds(20))
            pause(for: .milliseconds(200))
            let error = #expect(throws: TokenRefreshError.self) { try waiter.resume() }
            #expect(error?.code == .deadlineExceeded)
            #expect(client.counts.refreshedAlone == 0)
            worker.signal(SIGKILL)
        }

        @Test func `a pause that the upstream asked for is waited for, with the lease in hand`() throws {
            let client = try setting.client(upstream)
            let pauseEnds = BootInstant.now().advanced(by: .milliseconds(200))
            _ = try setting.table().leaveWithPause(setting.key("rt", upstream), until: pauseEnds)
            pause(for: .milliseconds(10))
            var waiter = try client.waiter(for: request)
            let progress = try waiter.resume()
            #expect(progress.descriptor == nil)
            let left = try #require(progress.atMost)
            #expect(left > .milliseconds(50) && left <= .milliseconds(200))
            #expect(try waiter.resume().lease == nil)
            pause(for: BootInstant.now().duration(to: pauseEnds) + .milliseconds(1))
            #expect(try waiter.resume().lease != nil)
        }

        @Test func `who leaves with the lease in hand gives it up`() throws {
            let client = try setting.client(upstream)
            let pauseEnds = BootInstant.now().advanced(by: .milliseconds(200))
            _ = try setting.table().leaveWithPause(setting.key("rt", upstream), until: pauseEnds)
            pause(for: .milliseconds(10))
            do {
                var waiter = try client.waiter(for: request)
                #expect(try waiter.resume().atMost != nil)
            }
            let took = took { #expect(client.outcome("rt").body == bytes("at_1")) }
            #expect(took < .seconds(2))
        }

        @Test func `callers on threads of this process wait for a lease got so, as for any other`() throws {
            let client = try setting.client(upstream)
            var waiter = try client.waiter(for: request)
            let held = try #require(try waiter.resume().lease)
            let caller = try client.inBackground(request)
            #expect(try eventually { try client.isFlying("rt", upstream, setting) })
            _ = try held.publish(UpstreamSuccess(body: bytes("at_loop")))
            #expect(try caller.get().body == bytes("at_loop"))
            #expect(upstream.count == 0)
        }
    }
}
