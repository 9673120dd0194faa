import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension ClientTests {
    /// The one retry after 429, and what it leaves to others.
    @Suite(.serialized) struct Retries {
        @Test(
            arguments: [
                (asked: nil, pause: 60), (asked: 0, pause: 60), (asked: -5, pause: 60), (asked: 1, pause: 50),
                (asked: 120, pause: 120), (asked: 3_600_000, pause: 300),
            ] as [(asked: Int64?, pause: Int64)])
        func `429, then success: two attempts, a clamped pause, one idempotency key`(
            asked: Int64?, pause: Int64
        ) throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { number, _ in
                number == 1 ? tooMany(retryAfter: asked) : success("at")
            }
            let client = try setting.client(upstream)
            #expect(client.outcome("rt").body == bytes("at"))
            let calls = upstream.received
            try #require(calls.count == 2)
            #expect(calls[0].request.idempotencyKey == calls[1].request.idempotencyKey)
            #expect(calls[0].request.idempotencyKey.utf8.count == 32)
            let waited = calls[0].at.duration(to: calls[1].at)
            #expect(waited >= .milliseconds(pause))
            #expect(waited < .milliseconds(pause) + .milliseconds(200))
        }

        @Test func `another call has another idempotency key`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in serverError }
            let client = try setting.client(upstream)
            _ = client.outcome("rt")
            _ = client.outcome("rt")
            try #require(upstream.count == 2)
            #expect(upstream.received[0].request.idempotencyKey != upstream.received[1].request.idempotencyKey)
        }

        @Test func `429 twice: the error has both, and when to come again; the next claimant waits as long`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { number, _ in
                number < 3 ? tooMany(retryAfter: number == 1 ? 50 : 250) : success("at")
            }
            let client = try setting.client(upstream)
            let error = try #require(client.outcome("rt").error)
            #expect(error.attempts.count == 2)
            #expect(error.attempts.map(\.retryAfterMilliseconds) == [50, 250])
            #expect(error.retryAfter == .milliseconds(250))
            #expect(error.reason == .rateLimitExceeded)
            #expect(error.description.contains("after 2 attempts"))
            #expect(upstream.count == 2)
            // A caller without so much time comes back at its deadline, without a call.
            #expect(client.outcome("rt", deadline: .milliseconds(40)).error?.code == .deadlineExceeded)
            #expect(upstream.count == 2)
            #expect(client.outcome("rt").body == bytes("at"))
            let calls = upstream.received
            #expect(calls[1].at.duration(to: calls[2].at) >= .milliseconds(250))
        }

        @Test func `a successor inherits the pause, waits for it, and is attempt 2`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            let table = try setting.table()
            let key = try setting.key("rt", upstream)
            let pauseEnds = BootInstant.now().advanced(by: .milliseconds(400))
            _ = try table.leaveWithPause(key, until: pauseEnds)
            // Its pipe is closed: for everybody else it has died.
            #expect(client.outcome("rt").body == bytes("at"))
            #expect(BootInstant.now() >= pauseEnds)
            #expect(upstream.count == 1)
            #expect(client.counts.takeovers == 1)
            #expect(try table.record(of: key)?.attempt == 2)
        }

        @Test func `a failure that asks for no pause leaves none`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { number, _ in number == 1 ? serverError : success("at") }
            let client = try setting.client(upstream)
            _ = client.outcome("rt")
            #expect(client.outcome("rt").body == bytes("at"))
            #expect(upstream.count == 2)
        }
    }
}
