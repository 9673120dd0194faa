import Synchronization

/// What this process alone has counted of its HTTP side since it began. Thread-safe.
final class DaemonMetrics: Sendable {
    /// What became of requests. Raw values are labels.
    enum Kind: String, CaseIterable, Sendable {
        case refresh
        case passThrough = "pass_through"
        case operators
        case refused
    }

    /// Seconds; a hit of the table takes microseconds, a slow upstream ten seconds, and a retry thirty.
    private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    private struct State {
        var requests: [Kind: Int] = [:]
        var passed: [RefreshIntake.Reason: Int] = [:]
        var answers: [UInt: Int] = [:]
        /// One for each bound, and one for what is longer.
        var buckets = [UInt64](repeating: 0, count: DaemonMetrics.bounds.count + 1)
        var seconds = 0.0
    }

    private let state = Mutex(State())

    /// Counts a request.
    func count(_ kind: Kind) { state.withLock { $0.requests[kind, default: 0] += 1 } }

    /// Counts a request to the refresh endpoint that was passed through.
    func count(_ reason: RefreshIntake.Reason) { state.withLock { $0.passed[reason, default: 0] += 1 } }

    /// Counts a refresh that was answered.
    func countAnswer(status: UInt, took duration: Duration) {
        let seconds = duration / .seconds(1)
        state.withLock { state in
            state.answers[status, default: 0] += 1
            state.seconds += seconds
            state.buckets[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
        }
    }

    /// Adds all of it to a page.
    func write(to page: inout PrometheusPage, connections: Int) {
        let seen = state.withLock { $0 }
        page.family("refreshd_requests_total", .counter, "Requests to this process, by what became of them.")
        for kind in Kind.allCases { page.sample(seen.requests[kind] ?? 0, label: ("kind", kind.rawValue)) }
        page.family(
            "refreshd_refresh_passed_through_total", .counter,
            "Requests to the refresh endpoint that were not coalesced, by the reason.")
        for reason in RefreshIntake.Reason.allCases {
            page.sample(seen.passed[reason] ?? 0, label: ("reason", reason.rawValue))
        }
        page.family("refreshd_refresh_answers_total", .counter, "Refreshes answered by this process, by status.")
        for (status, count) in seen.answers.sorted(by: { $0.key < $1.key }) {
            page.sample(count, label: ("status", "\(status)"))
        }
        page.family("refreshd_refresh_seconds", .histogram, "Time from a refresh's whole request to its answer.")
        page.histogram(bounds: Self.bounds, buckets: seen.buckets, sum: seen.seconds)
        page.single("refreshd_connections", .gauge, "Clients' connections.", connections)
    }
}
