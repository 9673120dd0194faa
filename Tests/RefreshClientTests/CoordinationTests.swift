import Foundation
import LMDB
import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension ClientTests {
    /// When the table itself fails, is held up, goes away or was never usable.
    @Suite(.serialized) struct Coordination {
        @Test func `a full table: refreshes alone, once per process and key, counted and logged`() throws {
            let setting = try Setting()
            let log = CapturedLog()
            let gate = Gate()
            let upstream = ScriptedUpstream { number, _ in
                gate.wait()
                return success("at_\(number)")
            }
            let client = try setting.client(upstream) {
                smallTable(&$0)
                $0.logger = log.logger
            }
            try fill(setting.table(smallTable), setting, upstream)
            let callers = try (0..<8).map { _ in try client.inBackground("rt") }
            #expect(upstream.awaitCalls(1))
            #expect(try eventually { try client.joined("rt", upstream, setting) == 8 })
            gate.open()
            for caller in callers { #expect(try caller.get().body == bytes("at_1")) }
            #expect(upstream.count == 1)
            #expect(client.counts.refreshedAlone == 1)
            #expect(log.lines.contains { $0.hasPrefix("error") && $0.contains("refreshAlone") })
        }

        @Test func `a full table, where nobody may refresh alone: a transient error`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream) {
                smallTable(&$0)
                $0.whenCoordinationFails = .fail
            }
            try fill(setting.table(smallTable), setting, upstream)
            let error = try #require(client.outcome("rt").error)
            #expect(error.code == .coordinationFailed)
            #expect(error.isRetryable)
            #expect(error.description.contains("mapSize"))
            #expect(upstream.count == 0)
        }

        @Test func `a full table heals as its records expire, by the claims alone`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            func brief(_ configuration: inout RefreshConfiguration) {
                smallTable(&configuration)
                configuration.resultRetention = .milliseconds(400)
                configuration.whenCoordinationFails = .fail
            }
            let client = try setting.client(upstream, brief)
            try fill(setting.table(brief), setting, upstream)
            #expect(eventually(limit: .seconds(5)) { client.outcome("rt").body == bytes("at") })
        }

        // Test (holder)            Worker B
        // holds the lease
        //                          waits
        //                          its look fails: it must not call
        @Test func `never alone while a live lease was seen`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("alone") }
            let client = try setting.client(upstream) { $0.waitStrategy = FailingWait() }
            let tenure = try #require(try setting.table().take(setting.key("rt", upstream)))
            let error = try #require(client.outcome("rt").error)
            #expect(error.code == .coordinationFailed)
            #expect(upstream.count == 0)
            #expect(client.counts.refreshedAlone == 0)
            withExtendedLifetime(tenure) {}
        }

        // Worker                         Test
        // inside a write transaction,
        // stopped
        //                                stored results are read
        //                                a claim waits, until its deadline, and calls nobody
        @Test func `a process stopped in a write transaction: late by nothing, alone never, results are read`() throws
        {
            let setting = try Setting()
            let upstream = ScriptedUpstream { number, _ in success("at_\(number)") }
            let client = try setting.client(upstream)
            #expect(client.outcome("rt_1").body == bytes("at_1"))
            let worker = try Worker(setting)
            worker.tell("lock")
            _ = try worker.event("locked")
            worker.signal(SIGSTOP)
            let took = took {
                #expect(client.outcome("rt_2", deadline: .milliseconds(200)).error?.code == .deadlineExceeded)
            }
            #expect(took >= .milliseconds(200) && took < .milliseconds(400))
            #expect(client.outcome("rt_1").body == bytes("at_1"))
            #expect(upstream.count == 1)
            #expect(client.counts.refreshedAlone == 0)
            worker.signal(SIGKILL)
            #expect(client.outcome("rt_2").body == bytes("at_2"))
        }

        // Client                  Worker                    Other process
        // calls the upstream
        //                         takes the write lock
        // gets its answer: its callers have it
        //                                                   waits on the lease
        //                         is killed
        // stores it                                         has it too
        @Test func `the table cannot be written when the answer comes: own callers have it, others when it can`()
            throws
        {
            let setting = try Setting()
            let log = CapturedLog()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream) {
                $0.publishTimeout = .milliseconds(200)
                $0.logger = log.logger
            }
            let caller = try client.inBackground("rt")
            let brief = try client.inBackground("rt", deadline: .seconds(2))
            #expect(upstream.awaitCalls(1))
            let other = try Worker(setting)
            other.tell("refresh 1 rt")
            #expect(eventually { other.isAsleepInPoll })
            let worker = try Worker(setting)
            worker.tell("lock")
            _ = try worker.event("locked")
            let began = MonotonicInstant.now()
            gate.open()
            #expect(try caller.get().body == bytes("at"))
            // After one try to store it, not at its own deadline.
            #expect(began.duration(to: .now()) < .seconds(3))
            #expect(try brief.get().body == bytes("at"))
            #expect(log.lines.contains { $0.contains("could not be stored yet") })
            #expect(other.count("done") == 0)
            worker.signal(SIGKILL)
            #expect(try other.event("done")[3] == #"{"access_token":"at"}"#)
            #expect(other.count("called") == 0)
            #expect(upstream.count == 1)
        }

        @Test func `an answer too large to share: its caller has it, nobody sends the token again`() throws {
            let setting = try Setting()
            let gate = Gate()
            let large = [UInt8](repeating: 32, count: 100_000)
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return .success(UpstreamSuccess(body: large))
            }
            let client = try setting.client(upstream)
            let caller = try client.inBackground("rt")
            #expect(upstream.awaitCalls(1))
            let other = try Worker(setting)
            other.tell("refresh 1 rt")
            #expect(eventually { other.isAsleepInPoll })
            gate.open()
            #expect(try caller.get().body == large)
            #expect(try other.event("done")[2] == "upstreamFailed")
            #expect(other.count("called") == 0)
        }

        // Worker A               Test                        Worker B (new)
        // has used the table
        //                        removes the directory
        // claims in the new one, and says so
        //                                                    waits for A
        @Test func `the directory is removed under a process: it and newcomers meet in one table`() throws {
            let setting = try Setting()
            let log = CapturedLog()
            let gate = Gate()
            let upstream = ScriptedUpstream { number, _ in
                if number > 1 { gate.wait() }
                return success("at_\(number)")
            }
            let client = try setting.client(upstream) { $0.logger = log.logger }
            _ = client.outcome("rt_1")
            Setting.remove(setting.directory)
            let caller = try client.inBackground("rt")
            #expect(upstream.awaitCalls(2))
            let newcomer = try Worker(setting)
            newcomer.tell("refresh 1 rt")
            #expect(eventually { newcomer.isAsleepInPoll })
            gate.open()
            #expect(try caller.get().body == bytes("at_2"))
            #expect(try newcomer.event("done")[3] == #"{"access_token":"at_2"}"#)
            #expect(newcomer.count("called") == 0)
            #expect(log.lines.count { $0.hasPrefix("notice") && $0.contains("removed or replaced") } == 1)
        }

        @Test func `only the pipes' directory is removed: it is made anew`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            _ = client.outcome("rt_1")
            Setting.remove(setting.directory + "/pipes")
            #expect(client.outcome("rt_2").body == bytes("at"))
            #expect(client.counts.refreshedAlone == 0)
        }

        @Test func `the directory is replaced by one that cannot be used: the operator's error, nobody alone`() throws
        {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            _ = client.outcome("rt_1")
            Setting.remove(setting.directory)
            try FileManager.default.createDirectory(
                atPath: setting.directory, withIntermediateDirectories: false)
            #expect(chmod(setting.directory, 0o777) == 0)
            let error = try #require(client.outcome("rt_2").error)
            #expect(error.code == .directoryUnusable)
            #expect(error.description.contains("chmod 0700"))
            #expect(upstream.count == 1)
        }
    }
}

private struct FailingWait: WaitStrategy {
    var makesPipes: Bool { true }

    func wait(
        for lease: JoinedLease, round: Int, in table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> WaitResult {
        throw .pipe(SystemCallError("open", code: EMFILE))
    }
}
