/// What must always hold, and did not.
public struct Violation: Error, Sendable, CustomStringConvertible {
    /// The promises that are checked.
    public enum Promise: String, Sendable {
        /// A call starts only when no earlier one is in flight for a lease that has not ended.
        case singleFlight = "single flight"
        /// Failures, renewals and releases count from the current generation only.
        case fencing = "fencing"
        /// A success that reached a live holder is stored, or another one is adopted.
        case nothingLost = "no rotation thrown away"
        /// Whoever succeeds gets the same bytes as everyone else while they are kept.
        case agreement = "agreement"
        /// Nobody sleeps without a reason.
        case nobodyStuck = "nobody is stuck"
        /// Nobody returns later than the deadline and 50 ms in which the process could run.
        case nobodyLate = "nobody is late"
        /// Nothing is sent without a lease that outlasts it, and what was sent is waited for.
        case sending = "a call once sent"
        /// Who waited for a failure hears of it.
        case failureHeard = "failures are heard"
        /// The table empties, and its index is whole.
        case bounded = "bounded"
    }

    /// Which one.
    public let promise: Promise
    /// In words, with the names that the trace uses.
    public let details: String

    /// Both.
    public var description: String { "\(promise.rawValue): \(details)" }
}
