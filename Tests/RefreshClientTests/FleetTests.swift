import FleetCounters
import Glibc
import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

private let inDoubt = UpstreamAnswer.failure(
    UpstreamFailure(class: .transient, reason: .networkError, mayHaveRotated: true, detail: "the answer was cut"))

extension ClientTests {
    /// What all processes count together.
    @Suite(.serialized) struct Fleet {
        private let setting: Setting

        init() throws { setting = try Setting() }

        private func seen() throws -> FleetSnapshot { try FleetSnapshot(of: setting.table()) }

        /// The counters that are not 0.
        private func counts() throws -> [FleetCounter: UInt64] {
            let snapshot = try seen()
            return Dictionary(uniqueKeysWithValues: FleetCounter.allCases.map { ($0, snapshot[$0]) }).filter {
                $1 > 0
            }
        }

        @Test func `callers of one flight: one has made the call, the others waited, who comes late finds it stored`()
            throws
        {
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let callers = try (0..<5).map { _ in try client.inBackground("rt") }
            let key = try setting.key("rt", upstream).recordKey
            #expect(upstream.awaitCalls(1))
            #expect(try eventually { try seen().waiters[key] == 4 })
            gate.open()
            for caller in callers { #expect(try caller.get().body == bytes("at")) }
            #expect(client.outcome("rt").body == bytes("at"))
            #expect(
                try counts() == [
                    .upstreamSuccess: 1, .callersCalled: 1, .callersWaited: 4, .callersStored: 1, .claims: 1,
                    .hits: 1,
                    .waits: 4,
                ])
            let after = try seen()
            #expect(after.waiters == [:])
            #expect(after[.call].count == 6)
            #expect(after[.wait].count == 4)
            #expect(after[.upstreamCall].count == 1)
            #expect(after.coalesced == 5.0 / 6)
        }

        @Test func `asynchronous callers, one of them cancelled`() async throws {
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let first = Task { try await client.refreshTokens("rt") }
            while upstream.count == 0 { await Task.yield() }
            let others = (0..<3).map { _ in Task { try await client.refreshTokens("rt") } }
            let key = try setting.key("rt", upstream).recordKey
            while try seen().waiters[key] != 3 { await Task.yield() }
            others[0].cancel()
            _ = await others[0].result
            #expect(try seen().waiters[key] == 2)
            gate.open()
            for task in [first] + others.dropFirst() { #expect(try await task.value.body == bytes("at")) }
            #expect(
                try counts() == [
                    .upstreamSuccess: 1, .callersCalled: 1, .callersWaited: 2, .callersCancelled: 1, .claims: 1,
                    .waits: 3,
                ])
            #expect(try seen().waiters == [:])
        }

        @Test func `every outcome of the upstream has its counter, a retry counts twice`() throws {
            let answers = [
                success("at"), invalidGrant, serverError, inDoubt, tooMany(retryAfter: 50), success("at_retried"),
            ]
            let upstream = ScriptedUpstream { number, _ in answers[number - 1] }
            let client = try setting.client(upstream)
            for index in 0..<5 { _ = client.outcome("rt_\(index)") }
            #expect(
                try counts() == [
                    .upstreamSuccess: 2, .upstreamTerminal: 1, .upstreamTransient: 2, .upstreamInDoubt: 1,
                    .callersCalled: 5, .claims: 5,
                ])
            // The terminal failure is kept, and answers the next.
            _ = client.outcome("rt_1")
            #expect(try counts()[.callersStored] == 1)
        }

        @Test func `a caller whose time is up`() throws {
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            #expect(client.outcome("rt", deadline: .milliseconds(30)).error?.code == .deadlineExceeded)
            #expect(client.outcome("rt", deadline: .milliseconds(30)).error?.code == .deadlineExceeded)
            gate.open()
            #expect(try eventually { try counts()[.upstreamSuccess] == 1 })
            #expect(
                try counts() == [.upstreamSuccess: 1, .callersTimedOut: 2, .claims: 1, .waits: 1])
        }

        // Holder       Other process            Test
        // calls
        //              two callers wait
        //                                       kills the holder
        //              one takes over
        @Test func `processes: waiters of a lease, a takeover, and what the dead have counted`() throws {
            let (a, b) = (try Worker(setting), try Worker(setting))
            a.tell("refresh 1 rt")
            _ = try a.event("called")
            b.tell("refresh 1 rt")
            b.tell("refresh 2 rt")
            let upstream = ScriptedUpstream { _, _ in success("unused") }
            let key = try setting.key("rt", upstream).recordKey
            #expect(try eventually { try seen().waiters[key] == 2 })
            #expect(try seen().slotsInUse == 2)
            a.signal(SIGKILL)
            _ = try b.event("called")
            // One of the two holds now.
            #expect(try eventually { try seen().waiters[key] == 1 })
            b.tell("answer ok at_b")
            for caller in ["1", "2"] { #expect(try b.event("done \(caller)")[2] == "ok") }
            let expected: [FleetCounter: UInt64] = [
                .upstreamSuccess: 1, .callersCalled: 1, .callersWaited: 1, .claims: 2, .takeoversFromDead: 1,
                .waits: 2,
            ]
            #expect(try counts() == expected)
            let table = try setting.table()
            #expect(try eventually { try FleetCounters.foldDead(in: table, deadline: soon()) == 1 })
            #expect(try counts() == expected)
            #expect(try seen().slotsInUse == 1)
        }

        @Test func `forked workers count in slots of their own`() throws {
            let worker = try Worker(setting)
            worker.tell("open")
            worker.tell("refresh 1 rt_before")
            _ = try worker.event("done 1")
            worker.tell("fork 8 rt")
            _ = try worker.event("forked")
            let before = try counts()
            #expect(before[.upstreamSuccess] == 2)
            let got = [FleetCounter.callersCalled, .callersWaited, .callersStored].map { before[$0] ?? 0 }
            #expect(got.reduce(0, +) == 9)
            #expect(got[0] == 2)
            #expect(try seen().slotsInUse == 9)
            #expect(try FleetCounters.foldDead(in: setting.table(), deadline: soon()) == 8)
            #expect(try counts() == before)
        }

        @Test func `a lease in the caller's hands`() throws {
            let upstream = ScriptedUpstream { _, _ in success("unused") }
            let log = CapturedLog()
            let client = try setting.client(upstream) { $0.logger = log.logger }
            let held = try client.lease("rt")
            let caller = try client.inBackground("rt")
            let key = try setting.key("rt", upstream).recordKey
            #expect(try eventually { try seen().waiters[key] == 1 })
            _ = try held.publish(UpstreamSuccess(body: bytes("at"), requestID: "req_own"))
            #expect(try caller.get().body == bytes("at"))
            #expect(
                try counts() == [
                    .upstreamSuccess: 1, .callersCalled: 1, .callersWaited: 1, .claims: 1, .hits: 1, .waits: 1,
                ])
            let line = try #require(log.lines.first { $0.contains("token refreshed") })
            #expect(line.contains(#""request_id": req_own"#) && line.contains(#""waiters": 1"#), "\(line)")
            // Nothing was sent.
            try client.lease("rt_given_up").abandon()
            #expect(try counts()[.upstreamSuccess] == 1 && counts()[.callersCalled] == 1)
        }

        @Test func `a caller without a thread`() throws {
            let upstream = ScriptedUpstream { _, _ in success("unused") }
            let client = try setting.client(upstream)
            let key = try setting.key("rt", upstream)
            let table = try setting.table()
            let tenure = try #require(try table.take(key))
            var waiter = try client.waiter(for: RefreshRequest(refreshToken: "rt"))
            _ = try waiter.resume()
            _ = try waiter.resume()
            #expect(try seen().waiters[key.recordKey] == 1)
            do {
                // One that is dropped waits no more.
                var dropped = try client.waiter(for: RefreshRequest(refreshToken: "rt"))
                _ = try dropped.resume()
                #expect(try seen().waiters[key.recordKey] == 2)
            }
            #expect(try seen().waiters[key.recordKey] == 1)
            _ = try table.publish(tenure, result: payload("at"), deadline: soon())
            _ = try waiter.resume()
            #expect(try seen().waiters == [:])
            #expect(try counts() == [.callersWaited: 1, .hits: 1, .waits: 2])
        }

        @Test func `one line for each call, with what it took and who was served`() throws {
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at", requestID: "req_7")
            }
            let log = CapturedLog()
            let client = try setting.client(upstream) { $0.logger = log.logger }
            let callers = try (0..<3).map { _ in try client.inBackground("rt") }
            let key = try setting.key("rt", upstream).recordKey
            #expect(upstream.awaitCalls(1))
            #expect(try eventually { try seen().waiters[key] == 2 })
            gate.open()
            for caller in callers { #expect(try caller.get().body == bytes("at")) }
            let lines = log.lines.filter { $0.contains("token refresh") }
            let line = try #require(lines.first)
            #expect(lines.count == 1)
            for part in [
                "info token refreshed", #""waiters": 2"#, #""request_id": req_7"#, #""attempt": 1"#, "milliseconds",
                #""key": \#(key.shortDescription)"#,
            ] {
                #expect(line.contains(part), "\(line)")
            }
        }

        /// Nothing of it stands in the way of a refresh, and it is said once.
        @Test(arguments: ["full", "directory", "version"])
        func `where nothing can be counted, refreshes go on as before`(obstacle: String) throws {
            let path = setting.directory + "/counters"
            let table = try setting.table()
            if obstacle == "directory" {
                mkdir(path, 0o700)
            } else {
                // Made by a process that is gone; then changed by hand.
                let worker = try Worker(setting)
                worker.tell("open")
                worker.tell("refresh 1 rt_before")
                _ = try worker.event("done 1")
                let file = open(path, O_RDWR | O_CLOEXEC)
                try #require(file >= 0)
                defer { close(file) }
                let me = ProcessIdentity.current()
                let words =
                    obstacle == "version"
                    ? [UInt64(99)] : [UInt64](repeating: me.startTime << 22 | UInt64(me.pid), count: 512)
                let length = words.count * 8
                try #require(pwrite(file, words, length, obstacle == "version" ? 8 : 4096) == length)
            }
            // The test's own process would find its own slot.
            let worker = try Worker(setting)
            worker.tell("open")
            if obstacle == "full" {
                for token in ["a", "b"] {
                    worker.tell("refresh \(token) rt_\(token)")
                    #expect(try worker.event("done \(token)")[2] == "ok")
                }
                #expect(try seen()[.callersCalled] == 1)
                return
            }
            let log = CapturedLog()
            let upstream = ScriptedUpstream { number, _ in success("at_\(number)") }
            let client = try setting.client(upstream) { $0.logger = log.logger }
            for number in 1...3 {
                #expect(client.outcome("rt_\(number)").body == bytes("at_\(number)"))
                #expect(client.outcome("rt_\(number)").body == bytes("at_\(number)"))
            }
            #expect(client.counts.upstreamCalls == 3)
            #expect(log.lines.count { $0.contains("not counted") } == 1, "\(log.lines)")
            withExtendedLifetime(table) {}
        }
    }
}
