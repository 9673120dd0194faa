public import Glibc

/// A point on `CLOCK_MONOTONIC`, in nanoseconds: what deadlines and timed locks are measured by.
///
/// Comparable only within one boot of one machine. A plain value: thread- and fork-safe.
public struct MonotonicInstant: Hashable, Comparable, Sendable {
    /// Nanoseconds since an unspecified start.
    public var nanoseconds: UInt64

    /// Makes an instant from its reading.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The clock's reading now. About 20 ns; no system call.
    public static func now() -> MonotonicInstant {
        var time = Glibc.timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicInstant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// The instant `duration` later; a negative duration goes back. Stops at the ends of the range.
    public func advanced(by duration: Duration) -> MonotonicInstant {
        let distance = duration.wholeNanoseconds
        let (sum, overflow) =
            distance >= 0
            ? nanoseconds.addingReportingOverflow(UInt64(distance))
            : nanoseconds.subtractingReportingOverflow(distance.magnitude)
        return MonotonicInstant(nanoseconds: overflow ? (distance >= 0 ? .max : 0) : sum)
    }

    /// How long from this instant to `other`; negative if `other` is earlier.
    public func duration(to other: MonotonicInstant) -> Duration {
        .nanoseconds(Int64(clamping: other.nanoseconds) - Int64(clamping: nanoseconds))
    }

    /// The reading as `timespec`, for absolute timed waits.
    public var timespec: Glibc.timespec {
        Glibc.timespec(
            tv_sec: Int(clamping: nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }

    /// Order on the clock.
    public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

extension Duration {
    /// The duration in nanoseconds, clamped to what `Int64` holds (292 years).
    public var wholeNanoseconds: Int64 {
        Int64(clamping: attoseconds / 1_000_000_000)
    }

    /// Whole milliseconds, cut off towards zero, and clamped likewise.
    public var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}
