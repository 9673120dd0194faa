public import FoundationEssentials

/// The two clocks that validation looks at. A value, so that tests can give their own.
public struct TimeSource: Sendable {
    /// The date, which `exp` and `nbf` are compared with.
    public var date: @Sendable () -> Date
    /// Time since some fixed moment, which never goes back; the age of keys is counted in it.
    public var elapsed: @Sendable () -> Duration

    /// Makes a pair of clocks.
    public init(date: @escaping @Sendable () -> Date, elapsed: @escaping @Sendable () -> Duration) {
        self.date = date
        self.elapsed = elapsed
    }

    /// The system's clocks.
    public static let system: TimeSource = {
        let start = ContinuousClock.now
        return TimeSource(date: { Date() }, elapsed: { start.duration(to: .now) })
    }()
}
