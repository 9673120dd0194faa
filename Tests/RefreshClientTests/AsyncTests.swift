import Glibc
import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension ClientTests {
    /// The face for Swift servers.
    @Suite(.serialized) struct Asynchronous {
        @Test func `many tasks, one key, more of them than threads; the pool is never blocked`() async throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let results = try await withThrowingTaskGroup(of: RefreshResult?.self) { group in
                for _ in 0..<(8 * sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 100) {
                    group.addTask { try await client.refreshTokens("rt") }
                }
                // The gate is opened by a task: if the others blocked the pool, it would never run.
                group.addTask {
                    while upstream.count == 0 { await Task.yield() }
                    gate.open()
                    return nil
                }
                var results: [RefreshResult] = []
                for try await result in group { if let result { results.append(result) } }
                return results
            }
            #expect(Set(results.map(\.body)) == [bytes("at")])
            #expect(upstream.count == 1)
        }

        @Test func `blocking and asynchronous callers share one flight`() async throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let first = Task { try await client.refreshTokens("rt") }
            let blocking = try client.inBackground("rt")
            let second = Task { try await client.refreshTokens("rt") }
            while try client.joined("rt", upstream, setting) < 3 { await Task.yield() }
            gate.open()
            #expect(try await first.value.body == bytes("at"))
            #expect(try await second.value.body == bytes("at"))
            #expect(try await blocking.get().body == bytes("at"))
            #expect(upstream.count == 1)
        }

        @Test func `cancellation ends that caller only, at once`() async throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let leaving = Task { try await client.refreshTokens("rt") }
            let staying = Task { try await client.refreshTokens("rt") }
            while try client.joined("rt", upstream, setting) < 2 { await Task.yield() }
            leaving.cancel()
            await #expect(throws: CancellationError.self) { try await leaving.value }
            #expect(try client.joined("rt", upstream, setting) == 1)
            gate.open()
            #expect(try await staying.value.body == bytes("at"))
            #expect(upstream.count == 1)
        }

        @Test func `the only caller is cancelled: the call goes on, and its result is found`() async throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let caller = Task { try await client.refreshTokens("rt") }
            while upstream.count == 0 { await Task.yield() }
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            gate.open()
            #expect(try await client.refreshTokens("rt").body == bytes("at"))
            #expect(upstream.count == 1)
        }

        @Test func `a task that is cancelled already gets CancellationError and starts nothing`() async throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            let started = Gate()
            let caller = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await client.refreshTokens("rt")
            }
            caller.cancel()
            started.open()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(upstream.count == 0)
            #expect(try !client.isFlying("rt", upstream, setting))
        }

        /// The runtime warns of a continuation that is dropped, and a task whose continuation is dropped never ends.
        @Test func `cancellation at any moment: every caller ends, once`() async throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { number, _ in success("at_\(number)") }
            let client = try setting.client(upstream)
            var ended = 0
            for round in 0..<300 {
                let tasks = (0..<4).map { _ in Task { try? await client.refreshTokens("rt_\(round)").body } }
                for _ in 0..<(round % 7) { await Task.yield() }
                tasks[round % 4].cancel()
                var bodies: Set<[UInt8]> = []
                for task in tasks {
                    if let body = await task.value { bodies.insert(body) }
                    ended += 1
                }
                #expect(bodies.count <= 1)
            }
            #expect(ended == 1200)
            #expect(upstream.count <= 300)
        }

        @Test func `an asynchronous caller has its deadline too, in order or out of it`() async throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let deadlines = [400, 100, 300, 200, 100]
            var least = Duration.seconds(60)
            let lateness = await withTaskGroup(of: Duration.self) { group in
                for deadline in deadlines {
                    group.addTask {
                        let began = MonotonicInstant.now()
                        let request = RefreshRequest(
                            refreshToken: "rt", context: RefreshContext(sessionID: "s\(deadline)"))
                        do {
                            _ = try await client.refresh(request, deadline: .milliseconds(deadline))
                            Issue.record("nobody has answered")
                        } catch {
                            let error = error as? TokenRefreshError
                            #expect(error?.code == .deadlineExceeded)
                            #expect(error?.sessionID == "s\(deadline)")
                        }
                        return began.duration(to: .now()) - .milliseconds(deadline)
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            for one in lateness {
                #expect(one >= .zero)
                least = min(least, one)
            }
            #expect(least < .milliseconds(50))
            gate.open()
            #expect(try await client.refreshTokens("rt").body == bytes("at"))
            #expect(upstream.count == 1)
        }

        @Test func `each asynchronous caller's failure has its own context`() async throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in invalidGrant }
            let client = try setting.client(upstream)
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        do {
                            _ = try await client.refreshTokens(
                                "rt", context: RefreshContext(userID: "u\(index)", sessionID: "s\(index)"))
                            Issue.record("the upstream refuses")
                        } catch {
                            let error = error as? TokenRefreshError
                            #expect(error?.userID == "u\(index)")
                            #expect(error?.sessionID == "s\(index)")
                            #expect(error?.code == .sessionEnded)
                        }
                    }
                }
            }
            #expect(upstream.count == 1)
        }
    }
}
