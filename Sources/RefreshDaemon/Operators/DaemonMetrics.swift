import RefreshClient
import Synchronization

/// What the daemon has counted since it began. Thread-safe.
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
        var buckets = [Int](repeating: 0, count: DaemonMetrics.bounds.count)
        var total = 0
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
            state.total += 1
            state.seconds += seconds
            for (index, bound) in Self.bounds.enumerated() where seconds <= bound { state.buckets[index] += 1 }
        }
    }

    /// All of it in the text format of Prometheus, version 0.0.4.
    func text(counts: RefreshCounts, connections: Int, leases: [String: Int]?) -> String {
        let seen = state.withLock { $0 }
        var page = Page()
        page.family("refreshd_requests_total", "counter", "Requests, by what became of them.")
        for kind in Kind.allCases { page.sample(["kind": kind.rawValue], seen.requests[kind] ?? 0) }
        page.family(
            "refreshd_refresh_passed_through_total", "counter",
            "Requests to the refresh endpoint that were not coalesced, by the reason.")
        for reason in RefreshIntake.Reason.allCases {
            page.sample(["reason": reason.rawValue], seen.passed[reason] ?? 0)
        }
        page.family("refreshd_refresh_answers_total", "counter", "Answered refreshes, by status.")
        for (status, count) in seen.answers.sorted(by: { $0.key < $1.key }) {
            page.sample(["status": "\(status)"], count)
        }
        page.family("refreshd_refresh_seconds", "histogram", "Time from a refresh's whole request to its answer.")
        for (bound, count) in zip(Self.bounds, seen.buckets) {
            page.sample(["le": "\(bound)"], count, suffix: "_bucket")
        }
        page.sample(["le": "+Inf"], seen.total, suffix: "_bucket")
        page.sample([:], seen.seconds, suffix: "_sum")
        page.sample([:], seen.total, suffix: "_count")
        let counters: [(String, String, Int)] = [
            ("upstream_calls", "Refreshes sent to the upstream by this process.", counts.upstreamCalls),
            ("claims", "Leases taken by this process.", counts.claims),
            ("takeovers", "Leases taken from holders that had died or hung.", counts.takeovers),
            ("hits", "Results found stored.", counts.hits),
            ("refreshed_alone", "Refreshes made without a lease, since the table failed.", counts.refreshedAlone),
            ("coordination_failures", "Failures of the table.", counts.coordinationFailures),
            ("discarded_outcomes", "Stored outcomes that did not open.", counts.discardedOutcomes),
        ]
        for (name, help, value) in counters {
            page.family("refreshd_\(name)_total", "counter", help)
            page.sample([:], value)
        }
        page.family("refreshd_connections", "gauge", "Clients' connections.")
        page.sample([:], connections)
        if let leases {
            page.family("refreshd_leases", "gauge", "Records in the table, of all processes, by state.")
            for (state, count) in leases.sorted(by: { $0.key < $1.key }) { page.sample(["state": state], count) }
        }
        return page.text
    }

    private struct Page {
        private(set) var text = ""
        private var name = ""

        mutating func family(_ name: String, _ kind: String, _ help: String) {
            self.name = name
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
        }

        /// Labels and their values are names of ours: nothing in them needs escaping.
        mutating func sample(_ labels: [String: String], _ value: some CustomStringConvertible, suffix: String = "") {
            let inner = labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
            text += "\(name)\(suffix)\(inner.isEmpty ? "" : "{\(inner)}") \(value)\n"
        }
    }
}
