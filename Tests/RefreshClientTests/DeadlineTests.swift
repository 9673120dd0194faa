import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension ClientTests {
    /// Nobody is late, nothing that was sent is abandoned, and who leaves hands on what it did for others.
    @Suite(.serialized) struct Deadlines {
        /// The least lateness of some tries: what the code does, not what else the machine was doing.
        private func leastLateness(_ deadline: Duration, _ body: () throws -> Void) rethrows -> Duration {
            var least = Duration.seconds(60)
            for _ in 0..<3 { least = min(least, try took(body) - deadline) }
            return least
        }

        // Caller 1                    Thread of the library        Caller 2
        // claims
        //                             calls the upstream
        // returns at its deadline
        //                             gets the answer, publishes
        //                                                          finds the result
        @Test func `a caller returns at its deadline, and the call it began is found by the next`() throws {
            let setting = try Setting()
            let gate = Gate()
            let upstream = ScriptedUpstream { _, _ in
                gate.wait()
                return success("at")
            }
            let client = try setting.client(upstream)
            let lateness = leastLateness(.milliseconds(100)) {
                let error = client.outcome("rt", deadline: .milliseconds(100)).error
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.isRetryable == true)
            }
            #expect(lateness >= .zero && lateness < .milliseconds(50))
            #expect(upstream.count == 1)
            gate.open()
            #expect(client.outcome("rt").body == bytes("at"))
            #expect(upstream.count == 1)
        }

        @Test func `no time at all is a deadline exceeded, and no crash`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            for deadline in [Duration.zero, .seconds(-5), .nanoseconds(1)] {
                let outcome = client.outcome("rt", deadline: deadline)
                #expect(outcome.error?.code == .deadlineExceeded || outcome.body == bytes("at"))
            }
            #expect(client.outcome("rt").body == bytes("at"))
            #expect(upstream.count == 1)
        }

        // Other process     Caller 1 (leads)              Caller 2
        // holds
        //                   waits on its pipe
        //                                               joins the flight
        //                   leaves at its deadline
        //                                               leads
        // publishes
        //                                               gets the result
        @Test(arguments: ["pipe", "poll"])
        func `a leader that leaves hands its wait to a caller with more time`(strategy: String) throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("never") }
            let client = try setting.client(upstream) { if strategy == "poll" { $0.waitStrategy = .poll } }
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let tenure = try #require(try table.take(key))
            let brief = try client.inBackground("rt", deadline: .milliseconds(150))
            // It leads as soon as there is a flight.
            #expect(try eventually { try client.isFlying("rt", upstream, setting) })
            let patient = try client.inBackground("rt")
            #expect(try eventually { try client.joined("rt", upstream, setting) == 1 })
            #expect(try brief.get().error?.code == .deadlineExceeded)
            #expect(!patient.isDone)
            _ = try table.publish(tenure, result: payload("at_other"), deadline: soon())
            #expect(try patient.get().body == bytes("at_other"))
            #expect(upstream.count == 0)
        }

        // The same, and the holder dies after the handover: the successor claims, knowing what it waited on.
        @Test func `who was handed the wait takes over from a dead holder`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            var tenure = try table.take(key)
            let generation = try #require(tenure?.generation)
            let brief = try client.inBackground("rt", deadline: .milliseconds(150))
            #expect(try eventually { try client.isFlying("rt", upstream, setting) })
            let patient = try client.inBackground("rt")
            #expect(try eventually { try client.joined("rt", upstream, setting) == 1 })
            #expect(try brief.get().error?.code == .deadlineExceeded)
            #expect(try table.record(of: key)?.generation == generation)
            withExtendedLifetime(tenure) {}
            tenure = nil
            #expect(try patient.get().body == bytes("at"))
            #expect(upstream.count == 1)
            #expect(client.counts.takeovers == 1)
        }

        @Test func `a leader that leaves hands its wait to an asynchronous caller`() async throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("never") }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let tenure = try #require(try table.take(key))
            let brief = try client.inBackground("rt", deadline: .milliseconds(150))
            #expect(try eventually { try client.isFlying("rt", upstream, setting) })
            let patient = Task { try await client.refreshTokens("rt") }
            #expect(try await brief.get().error?.code == .deadlineExceeded)
            _ = try table.publish(tenure, result: payload("at_other"), deadline: soon())
            #expect(try await patient.value.body == bytes("at_other"))
            #expect(upstream.count == 0)
        }

        @Test func `nobody is left at the deadline: the flight is forgotten, and the next caller starts anew`() throws
        {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            var tenure = try table.take(key)
            #expect(client.outcome("rt", deadline: .milliseconds(50)).error?.code == .deadlineExceeded)
            #expect(try !client.isFlying("rt", upstream, setting))
            withExtendedLifetime(tenure) {}
            tenure = nil
            #expect(client.outcome("rt").body == bytes("at"))
        }

        @Test func `a caller's deadline holds on another process's lease, 16 callers at once`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("never") }
            let client = try setting.client(upstream)
            let tenure = try #require(try setting.table().take(setting.key("rt", upstream)))
            let lateness = try leastLateness(.milliseconds(120)) {
                let callers = try (0..<16).map { _ in try client.inBackground("rt", deadline: .milliseconds(120)) }
                for caller in callers { #expect(try caller.get().error?.code == .deadlineExceeded) }
            }
            #expect(lateness < .milliseconds(50))
            #expect(upstream.count == 0)
            withExtendedLifetime(tenure) {}
        }
    }
}
