import Testing

@testable import LeaseTable

/// The rules that must hold over any course of events, on random ones.
struct LeaseHistoryTests {
    @Test func `whatever happens in whatever order, the rules hold`() throws {
        var counts: [String: Int] = [:]
        for seed in 0..<400 as Range<UInt64> {
            var history = LeaseHistory(seed: seed)
            for _ in 0..<250 { try history.step() }
            counts.merge(history.counts, uniquingKeysWith: +)
        }
        // Each of these was tried often enough to mean something.
        for event in [
            "hit", "failed", "join", "wait", "claimable", "replaced", "ignored", "stored failure", "sent",
            "swept",
        ] {
            #expect(counts[event, default: 0] > 100, "\(event)")
        }
    }
}
