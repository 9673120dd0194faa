import Glibc
import LeaseTable
import ProcessSupport
import RefreshClient
import SanitizerSupport
import SeededRandom
import Testing

extension ClientTests {
    /// Several processes, stopped and killed. Every test runs with pipes and with polling.
    @Suite(.serialized) struct Processes {
        private static let strategies = ["poll=no", "poll=yes"]

        private func key(_ setting: Setting) throws -> KeyMaterial {
            try setting.key("rt", ScriptedUpstream { _, _ in invalidGrant })
        }

        @Test(arguments: strategies)
        func `8 processes, 4 callers each: one call, equal bytes`(strategy: String) throws {
            let setting = try Setting()
            let workers = try (0..<8).map { _ in try Worker(setting, strategy) }
            for worker in workers { for id in 0..<4 { worker.tell("refresh \(id) rt") } }
            #expect(eventually { workers.reduce(0) { $0 + $1.count("called") } == 1 })
            for worker in workers { worker.tell("open") }
            var results: Set<String> = []
            for worker in workers {
                for _ in 0..<4 {
                    let done = try worker.event("done")
                    #expect(done[2] == "ok")
                    results.insert(done[3])
                }
            }
            #expect(results.count == 1)
            #expect(workers.reduce(0) { $0 + $1.count("called") } == 1)
        }

        @Test func `a lease is its process's: a forked child can do nothing with it`() throws {
            let setting = try Setting()
            let table = try setting.table()
            let worker = try Worker(setting)
            worker.tell("inherit rt")
            _ = try worker.event("forked")
            for _ in 0..<4 { #expect(try worker.event("inherited")[1] == "leaseLost") }
            let held = try #require(try table.record(of: key(setting)))
            #expect(held.holder.pid == worker.pid && held.attempt == 1 && held.notBefore <= held.claimedAt)
            #expect(held.claimedAt.duration(to: held.leaseEnds) < .seconds(60))
        }

        // A                     B                          C
        // claims, calls
        //                       waits                      waits
        // is killed
        //                       one takes over, calls      goes on waiting
        //                       succeeds                   has the same
        @Test(arguments: strategies)
        func `the holder is killed: one waiter takes over`(strategy: String) throws {
            let setting = try Setting()
            let table = try setting.table()
            let workers = try (0..<3).map { _ in try Worker(setting, strategy) }
            workers[0].tell("refresh 1 rt")
            _ = try workers[0].event("called")
            let held = try #require(try table.record(of: key(setting)))
            #expect(held.holder.pid == workers[0].pid)
            for worker in workers[1...] { worker.tell("refresh 1 rt") }
            for worker in workers[1...] { #expect(eventually { worker.isAsleepInPoll }) }
            let killed = BootInstant.now()
            workers[0].signal(SIGKILL)
            let next = try #require(try table.awaitHolder(of: key(setting), after: held.generation))
            #expect(next.attempt == 2)
            let late = killed.duration(to: next.claimedAt)
            #expect(late < (strategy == "poll=no" ? .milliseconds(100) : .milliseconds(400)))
            #expect(eventually { workers[1].count("called") + workers[2].count("called") == 1 })
            for worker in workers[1...] { worker.tell("open") }
            let results = try workers[1...].map { try $0.event("done") }
            #expect(results.allSatisfy { $0[2] == "ok" })
            #expect(Set(results.map { $0[3] }).count == 1)
            #expect(workers[1].count("called") + workers[2].count("called") == 1)
        }

        // A                     B
        // claims, calls
        //                       waits
        // is stopped
        //                       passes it at the lease's end, calls
        // goes on, succeeds
        //                       gets A's result, and so does its own call when it fails
        @Test(arguments: strategies)
        func `a holder that hangs is passed, and its late success counts`(strategy: String) throws {
            let setting = try Setting()
            let times = "\(strategy) timeout=300 lease=400"
            let (a, b) = (try Worker(setting, times), try Worker(setting, times))
            a.tell("refresh 1 rt")
            _ = try a.event("called")
            b.tell("refresh 1 rt")
            a.signal(SIGSTOP)
            _ = try b.event("called")
            a.signal(SIGCONT)
            a.tell("answer ok at_late")
            #expect(try a.event("done")[3] == #"{"access_token":"at_late"}"#)
            b.tell("answer grant")
            #expect(try b.event("done")[3] == #"{"access_token":"at_late"}"#)
        }

        // The same, but the late one fails: nobody hears of it.
        @Test(arguments: strategies)
        func `a late failure of a holder that was passed is ignored`(strategy: String) throws {
            let setting = try Setting()
            let times = "\(strategy) timeout=300 lease=400"
            let a = try Worker(setting, times)
            let b = try Worker(setting, strategy)
            a.tell("refresh 1 rt")
            _ = try a.event("called")
            b.tell("refresh 1 rt")
            a.signal(SIGSTOP)
            _ = try b.event("called")
            a.signal(SIGCONT)
            a.tell("answer grant")
            #expect(eventually { a.isAsleepInPoll })
            #expect(try setting.table().record(of: key(setting))?.state == .held)
            #expect(a.count("done") == 0)
            b.tell("answer ok at_b")
            #expect(try b.event("done")[3] == #"{"access_token":"at_b"}"#)
            #expect(try a.event("done")[3] == #"{"access_token":"at_b"}"#)
            #expect(a.count("called") == 0)
        }

        // Test                   A                              B
        // sets a pause, "dies"
        //                        takes over, waits for the pause
        //                        is stopped
        //                                                       passes it, sends, succeeds
        //                        goes on: does not send
        @Test(arguments: strategies)
        func `a holder stopped before it sent does not send when it goes on`(strategy: String) throws {
            let setting = try Setting()
            let table = try setting.table {
                $0.requestTimeout = .milliseconds(100)
                $0.lease = .milliseconds(150)
            }
            let key = try key(setting)
            let times = "\(strategy) timeout=200 lease=300"
            let (a, b) = (try Worker(setting, times), try Worker(setting, times))
            let pauseEnds = BootInstant.now().advanced(by: .milliseconds(800))
            let generation = try table.leaveWithPause(key, until: pauseEnds)
            a.tell("refresh 1 rt")
            let held = try #require(try table.awaitHolder(of: key, after: generation))
            #expect(held.holder.pid == a.pid)
            a.signal(SIGSTOP)
            #expect(a.count("called") == 0)
            b.tell("refresh 1 rt")
            _ = try b.event("called")
            b.tell("answer ok at_b")
            #expect(try b.event("done")[3] == #"{"access_token":"at_b"}"#)
            a.signal(SIGCONT)
            #expect(try a.event("done")[3] == #"{"access_token":"at_b"}"#)
            #expect(a.count("called") == 0)
        }

        @Test func `a child forked by the holder does not keep its pipe open`() throws {
            try takesOverAtOnce(helper: "idle")
        }

        @Test func `a program started by the holder does not keep its pipe open`() throws {
            try takesOverAtOnce(helper: "exec")
        }

        private func takesOverAtOnce(helper: String) throws {
            let setting = try Setting()
            let (a, b) = (try Worker(setting), try Worker(setting))
            a.tell("refresh 1 rt")
            _ = try a.event("called")
            b.tell("refresh 1 rt")
            #expect(eventually { b.isAsleepInPoll })
            a.tell(helper)
            let idle = try #require(pid_t(try a.event("idle")[1]))
            defer { kill(idle, SIGKILL) }
            if helper == "exec" {
                // posix_spawn(3) returns when the program runs.
                #expect(!openFiles(of: idle).isEmpty)
                #expect(openFiles(of: idle).filter { $0.hasPrefix(setting.parent) } == [])
            }
            let took = try took {
                a.signal(SIGKILL)
                _ = try b.event("called")
            }
            #expect(kill(idle, 0) == 0)
            #expect(took < .seconds(1))
            b.tell("answer ok at_b")
            _ = try b.event("done")
        }

        @Test func `a parent that has used the client forks 8 children that all use it`() throws {
            let setting = try Setting()
            let worker = try Worker(setting)
            worker.tell("open")
            worker.tell("refresh 1 rt_before")
            #expect(try worker.event("done 1")[2] == "ok")
            _ = try worker.event("called")
            worker.tell("fork 8 rt")
            _ = try worker.event("forked")
            let results = try (0..<8).map { _ in try worker.event("done child") }
            #expect(results.allSatisfy { $0[2] == "ok" })
            #expect(Set(results.map { $0.last }).count == 1)
            #expect(worker.count("called") == 1)
            worker.tell("refresh 2 rt")
            #expect(try worker.event("done 2")[3] == results[0][3])
        }

        @Test func `children of children`() throws {
            let setting = try Setting()
            let worker = try Worker(setting)
            worker.tell("open")
            worker.tell("refresh 1 rt")
            let first = try worker.event("done 1")
            worker.tell("deep 4 rt")
            _ = try worker.event("forked")
            for _ in 0..<4 { #expect(try worker.event("done child")[3] == first[3]) }
            #expect(worker.count("called") == 1)
        }

        // Parent, thread          Parent, main            Children
        // calls the upstream
        //                         forks
        //                                                 wait for the parent's lease
        // gets its answer                                 have the same
        @Test func `a fork while another thread is inside a refresh`() throws {
            let setting = try Setting()
            let worker = try Worker(setting)
            worker.tell("refresh 1 rt")
            _ = try worker.event("called")
            worker.tell("fork 3 rt")
            #expect(eventually { worker.children.count == 3 && worker.children.allSatisfy { isAsleepInPoll($0) } })
            #expect(worker.count("called") == 0)
            worker.tell("answer ok at_parent")
            for caller in ["1", "child", "child", "child"] {
                #expect(try worker.event("done \(caller)")[3] == #"{"access_token":"at_parent"}"#)
            }
            #expect(worker.count("called") == 0)
        }

        // Thread                  Main                    Child
        // refreshes for the
        // first time
        //                         forks, at any moment
        //                                                 refreshes for the first time
        @Test(
            .disabled(if: Sanitizer.running == .thread, "ThreadSanitizer holds the child of a process with threads"),
            arguments: [UInt64(1), 2])
        func `forks during the first refresh of a process`(seed: UInt64) throws {
            let setting = try Setting()
            var generator = SeededGenerator(seed: seed)
            for round in 0..<100 {
                let worker = try Worker(setting)
                worker.tell("open")
                // As long as a first refresh takes, and a while more.
                let moment = Int.random(in: 0..<12_000, using: &generator)
                worker.tell("race rt_\(seed)_\(round) \(moment)")
                _ = try worker.event("raced")
                #expect(worker.count("hung child") == 0, "forked after \(moment) µs")
                for caller in ["child", "thread"] {
                    #expect(try worker.event("done \(caller)")[2] == "ok", "forked after \(moment) µs")
                }
            }
        }
    }
}
