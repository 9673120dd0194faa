import FoundationEssentials
import NIOCore

/// Where rate limits, the replay grace and the tokens' dates get the time, so that tests can move it by hand.
protocol TimeSource: Sendable {
    /// Time since an arbitrary start; never goes back.
    var elapsed: Duration { get }
    /// Calendar time, for `iat`, `exp` and the user's dates.
    var date: Date { get }
}

/// The machine's clocks.
struct SystemTimeSource: TimeSource {
    var elapsed: Duration { .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }
    var date: Date { Date() }
}
