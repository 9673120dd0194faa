import Testing

@testable import RefreshClient

extension ClientTests {
    @Suite struct Payload {
        private let success = UpstreamSuccess(body: Array(0...255), requestID: "req_äß")
        private let attempts = [
            UpstreamFailure(
                class: .transient, reason: .rateLimitExceeded, status: 429,
                headers: [.init(name: "Retry-After", value: "2"), .init(name: "X-Request-ID", value: "r1")],
                body: Array("{}".utf8), retryAfterMilliseconds: 2000, detail: "first"),
            UpstreamFailure(
                class: .terminal, reason: FailureReason(rawValue: "new_reason"), status: nil, body: [0, 1, 2],
                mayHaveRotated: true, detail: "second"),
        ]

        @Test func `a success comes back as it was`() {
            #expect(OutcomePayload.decodeSuccess(OutcomePayload.encode(success)) == success)
            let bare = UpstreamSuccess(body: [])
            #expect(OutcomePayload.decodeSuccess(OutcomePayload.encode(bare)) == bare)
        }

        @Test func `failures come back as they were`() {
            #expect(OutcomePayload.decodeFailure(OutcomePayload.encode(attempts)) == attempts)
            #expect(OutcomePayload.decodeFailure(OutcomePayload.encode([attempts[1]])) == [attempts[1]])
        }

        @Test func `what is too long is cut, and still comes back`() throws {
            var long = attempts[0]
            long.body = [UInt8](repeating: 9, count: 100_000)
            long.detail = String(repeating: "ä", count: 5000)
            long.status = 70_000
            long.retryAfterMilliseconds = -3
            let decoded = try #require(OutcomePayload.decodeFailure(OutcomePayload.encode([long, long])))
            #expect(decoded.map(\.body.count) == [512, 65_536])
            #expect(decoded[0].detail.utf8.count == 200)
            #expect(decoded[0].status == 65_535)
            #expect(decoded[0].retryAfterMilliseconds == 0)
            #expect(OutcomePayload.encode([long, long]).count < 68 * 1024)
        }

        @Test func `no truncation and no single changed byte crashes; no truncation passes for whole`() {
            let encoded = OutcomePayload.encode(attempts)
            for length in encoded.indices { #expect(OutcomePayload.decodeFailure(Array(encoded[..<length])) == nil) }
            #expect(OutcomePayload.decodeFailure(encoded + [0]) == nil)
            for length in 0..<3 {
                #expect(OutcomePayload.decodeSuccess(Array(OutcomePayload.encode(success)[..<length])) == nil)
            }
            for index in encoded.indices {
                for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
                    var changed = encoded
                    changed[index] = value
                    _ = OutcomePayload.decodeFailure(changed)
                    _ = OutcomePayload.decodeSuccess(changed)
                }
            }
            #expect(OutcomePayload.decodeSuccess([2, 0, 0, 1]) == nil)
            #expect(OutcomePayload.decodeFailure([1, 3]) == nil)
        }
    }
}
