import Glibc

/// A point on `CLOCK_BOOTTIME`, in nanoseconds: the time base of everything stored in a lease record.
///
/// It is the same in every process of a boot and goes on through suspend, so that neither a clock set by NTP
/// nor a closed lid moves a lease. A plain value: thread- and fork-safe.
public struct BootInstant: Hashable, Comparable, Sendable {
    /// Nanoseconds since boot.
    public var nanoseconds: UInt64

    /// Makes an instant from its reading.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Before everything; what a record says where an instant is not set.
    public static let zero = BootInstant(nanoseconds: 0)

    /// The clock's reading now. About 20 ns; no system call.
    public static func now() -> BootInstant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return BootInstant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// The instant `duration` later; a negative duration goes back. Stops at the ends of the range.
    public func advanced(by duration: Duration) -> BootInstant {
        let later = MonotonicInstant(nanoseconds: nanoseconds).advanced(by: duration)
        return BootInstant(nanoseconds: later.nanoseconds)
    }

    /// How long from this instant to `other`; negative if `other` is earlier.
    public func duration(to other: BootInstant) -> Duration {
        .nanoseconds(Int64(clamping: other.nanoseconds) - Int64(clamping: nanoseconds))
    }

    /// Order on the clock.
    public static func < (left: BootInstant, right: BootInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
