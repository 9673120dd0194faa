import Foundation
import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension ClientTests {
    /// What a holder that is not alone does, with the test as the other party.
    @Suite(.serialized) struct Holding {
        // Client                        Test
        //                               holds with a pause, lets go
        // takes over, waits the pause
        //                               takes over from the client
        // must not send; waits
        //                               publishes
        // has the test's result
        @Test func `who lost the lease before it sent does not send`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("twice") }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let pauseEnds = BootInstant.now().advanced(by: .milliseconds(300))
            let generation = try table.leaveWithPause(key, until: pauseEnds)
            let caller = try client.inBackground("rt")
            _ = try #require(try table.awaitHolder(of: key, after: generation))
            let mine = try table.passHolder(of: key)
            pause(for: BootInstant.now().duration(to: pauseEnds) + .milliseconds(50))
            #expect(upstream.count == 0)
            #expect(!caller.isDone)
            _ = try table.publish(mine, result: payload("at_mine"), deadline: soon())
            #expect(try caller.get().body == bytes("at_mine"))
            #expect(upstream.count == 0)
        }

        @Test func `who lost the lease and fails, finds the success that is stored`() throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return invalidGrant
            }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let caller = try client.inBackground("rt")
            #expect(upstream.awaitCalls(1))
            let mine = try table.passHolder(of: key)
            _ = try table.publish(mine, result: payload("at_mine"), deadline: soon())
            gate.open()
            #expect(try caller.get().body == bytes("at_mine"))
            #expect(upstream.count == 1)
        }

        @Test func `who lost the lease and succeeds, is believed, and wakes the other's waiters`() throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at_late")
            }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let caller = try client.inBackground("rt")
            #expect(upstream.awaitCalls(1))
            let mine = try table.passHolder(of: key)
            let waiter = try Worker(setting)
            waiter.tell("refresh 1 rt")
            #expect(eventually { waiter.isAsleepInPoll })
            let woken = try took { () throws in
                gate.open()
                #expect(try waiter.event("done")[3] == #"{"access_token":"at_late"}"#)
            }
            #expect(woken < .seconds(2))
            #expect(try caller.get().body == bytes("at_late"))
            guard case .adopted = try table.publish(mine, result: payload("at_mine"), deadline: soon()) else {
                Issue.record("the first success is the one")
                return
            }
            #expect(client.outcome("rt").body == bytes("at_late"))
        }

        // Client                 Test
        // calls
        //                        takes over, gives up
        // fails                  (nobody holds, nothing is stored)
        // its callers have its failure: it does not send a second time
        @Test func `a failure that counts for nobody else still ends its own callers, and is not sent again`() throws
        {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return invalidGrant
            }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let caller = try client.inBackground("rt")
            #expect(upstream.awaitCalls(1))
            let mine = try table.passHolder(of: key)
            try table.abandon(mine, deadline: soon())
            gate.open()
            #expect(try caller.get().error?.code == .sessionEnded)
            #expect(upstream.count == 1)
        }

        // Waiter (client)        Test                       Other
        // waits on g1
        //                        g1 fails
        //                                                   claims again: g2
        // has g1's failure, with its own context, and does not wait for g2
        @Test func `a waiter gets the failure it waited for, although somebody has claimed since`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("never") }
            let client = try setting.client(upstream) { $0.waitStrategy = HeldWait() }
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let first = try #require(try table.take(key))
            let caller = try client.inBackground(
                RefreshRequest(refreshToken: "rt", context: RefreshContext(sessionID: "mine")))
            #expect(HeldWait.arrived.wait())
            _ = try table.fail(
                first, kind: .transientFailure, failure: failurePayload(serverError), notBefore: nil, deadline: soon()
            )
            let second = try #require(try table.take(key))
            HeldWait.released.open()
            let error = try #require(try caller.get().error)
            #expect(error.reason == .serverError)
            #expect(error.sessionID == "mine")
            withExtendedLifetime(second) {}
        }

        @Test func `an outcome that cannot be read is discarded, and the key is refreshed anew`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let tenure = try #require(try table.take(setting.key("rt", upstream)))
            _ = try table.publish(tenure, result: [99], deadline: soon())
            #expect(client.outcome("rt").body == bytes("at"))
            #expect(client.counts.discardedOutcomes == 1)
        }

        @Test func `a failure that cannot be read does not cost a living holder its lease`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("twice") }
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let first = try #require(try table.take(key))
            _ = try table.fail(first, kind: .transientFailure, failure: [99], notBefore: nil, deadline: soon())
            let second = try #require(try table.take(key))
            let joined = Claim(joined: first.generation)
            guard case .failed(let unreadable, _) = try table.look(at: key, as: joined, deadline: soon()) else {
                Issue.record("the failure is gone")
                return
            }
            try table.discard(unreadable, of: key, deadline: soon())
            guard case .join(second.generation, _, _, _, _) = try table.look(at: key, as: joined, deadline: soon())
            else {
                Issue.record("the lease is gone")
                return
            }
        }

        @Test func `a lease let go without an outcome is taken over at once, also by who comes later`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            var tenure = try setting.table().take(setting.key("rt", upstream))
            withExtendedLifetime(tenure) {}
            tenure = nil
            let took = took { #expect(client.outcome("rt").body == bytes("at")) }
            #expect(took < .seconds(2))
            #expect(client.counts.takeovers == 1)
        }

        @Test(arguments: ["missing", "file", "link", "written"])
        func `a pipe that lies: no crash, no spinning, and the outcome all the same`(lie: String) throws {
            let setting = try Setting()
            let table = try setting.table()
            let upstream = ScriptedUpstream { _, _ in success("never") }
            let tenure = try #require(try table.take(setting.key("rt", upstream)))
            let name = try #require(try table.record(of: tenure.key)).pipe.fileName
            let path = "\(setting.directory)/pipes/\(name)"
            switch lie {
            case "missing": #expect(unlink(path) == 0)
            case "file":
                #expect(unlink(path) == 0)
                #expect(FileManager.default.createFile(atPath: path, contents: Data([1, 2, 3])))
            case "link":
                #expect(unlink(path) == 0)
                try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
            default:
                let writer = open(path, O_RDWR | O_NONBLOCK)
                #expect(write(writer, [UInt8](repeating: 0, count: 500), 500) == 500)
                close(writer)
            }
            let worker = try Worker(setting)
            worker.tell("usage")
            let before = try worker.event("usage")
            worker.tell("refresh 1 rt")
            #expect(eventually { worker.isAsleepInPoll })
            pause(for: .milliseconds(500))
            worker.tell("usage")
            let after = try worker.event("usage")
            // Half a second of spinning would be five hundred.
            let used = (try #require(Int(after[1]))) - (try #require(Int(before[1])))
            #expect(used < 100)
            #expect(worker.count("called") == 0)
            _ = try table.publish(tenure, result: payload("at_mine"), deadline: soon())
            #expect(try worker.event("done")[3] == #"{"access_token":"at_mine"}"#)
            worker.tell("usage")
            let last = try worker.event("usage")
            // The table's own descriptors; none for each look.
            let opened = (try #require(Int(last[2]))) - (try #require(Int(before[2])))
            #expect(opened < 16)
        }
    }
}

/// Waits for the test, whatever the lease does.
private struct HeldWait: WaitStrategy {
    static let arrived = Gate()
    static let released = Gate()

    var makesPipes: Bool { true }

    func wait(
        for lease: JoinedLease, round: Int, in table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> WaitResult {
        Self.arrived.open()
        Self.released.wait()
        return .lookAgain(nil)
    }
}
