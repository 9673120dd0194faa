import SeededRandom

/// What a schedule draws; the generator is its one source of chance.
extension SeededGenerator {
    /// From 0 to `bound` - 1.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// True `count` times in a thousand.
    mutating func perMille(_ count: Int) -> Bool { below(1_000) < count }

    /// A number of milliseconds in the range, in nanoseconds.
    mutating func milliseconds(_ range: ClosedRange<Int>) -> UInt64 {
        let span = UInt64(range.upperBound - range.lowerBound) * 1_000_000
        return UInt64(range.lowerBound) * 1_000_000 + UInt64(below(Int(span) + 1))
    }
}
