/// SplitMix64 (Steele, Lea and Flood 2014): the one source of chance in a schedule.
struct SplitMix64 {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

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
