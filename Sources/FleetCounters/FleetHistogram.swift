/// Durations that every process counts in buckets. Raw values are places in the file.
public enum FleetHistogram: Int, CaseIterable, Sendable {
    /// From sending to the upstream to its answer.
    case upstreamCall
    /// A caller's wait for somebody else's call.
    case wait
    /// A caller's whole call.
    case call

    /// The buckets' upper bounds, in nanoseconds, the bound itself included; what is longer has a bucket of its own. A
    /// stored result takes microseconds, a slow upstream ten seconds, and a retry thirty.
    public static let bounds: [UInt64] = [
        10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
        50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000,
        10_000_000_000,
        30_000_000_000,
    ]

    /// The bucket of a duration. From below: the most frequent ones are the shortest.
    @inline(__always)
    static func bucket(of nanoseconds: UInt64) -> Int {
        var index = 0
        while index < bounds.count, nanoseconds > bounds[index] { index += 1 }
        return index
    }
}

/// What was counted of one kind of duration.
public struct FleetDurations: Hashable, Sendable {
    /// How many fell into each bucket of ``FleetHistogram/bounds``, and into the last, which has no bound; not cumulative.
    public var buckets: [UInt64]
    /// Their sum in nanoseconds.
    public var nanoseconds: UInt64

    /// How many there were.
    public var count: UInt64 { buckets.reduce(0, &+) }

    /// The upper bound, in nanoseconds, of the bucket that the `share` (0 to 1) of the shortest ends in; `nil` where there
    /// were none, and for the bucket without a bound.
    public func bound(ofShare share: Double) -> UInt64? {
        let total = count
        guard total > 0 else { return nil }
        var seen: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            seen = seen &+ bucket
            if Double(seen) >= share * Double(total) {
                return index < FleetHistogram.bounds.count ? FleetHistogram.bounds[index] : nil
            }
        }
        return nil
    }
}
