import FleetCounters

/// What all processes have counted, as names and values; `-` where it is not known.
enum FleetLines {
    static func lines(_ fleet: FleetSnapshot?, waiters: Int?) -> [(String, String)] {
        func text(_ value: (some CustomStringConvertible)?) -> String { value.map { "\($0)" } ?? "-" }
        var lines = [
            ("waiters", text(waiters)), ("waiters_without_key", text(fleet?.unnamedWaiters)),
            ("counting_processes", text(fleet?.slotsInUse)), ("counter_slots", "\(FleetSnapshot.slots)"),
        ]
        for (name, counter) in counters { lines.append((name, text(fleet?[counter]))) }
        for (name, histogram) in histograms {
            let durations = fleet?[histogram]
            lines.append(("\(name)_count", text(durations?.count)))
            for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
                let bound = durations?.bound(ofShare: share)
                lines.append(("\(name)_\(label)_us", text(bound.map { $0 / 1000 })))
            }
        }
        return lines
    }

    private static let counters: [(String, FleetCounter)] = [
        ("upstream_success", .upstreamSuccess), ("upstream_terminal", .upstreamTerminal),
        ("upstream_transient", .upstreamTransient), ("upstream_in_doubt", .upstreamInDoubt),
        ("callers_called", .callersCalled), ("callers_waited", .callersWaited), ("callers_stored", .callersStored),
        ("callers_timed_out", .callersTimedOut), ("callers_failed", .callersFailed),
        ("callers_cancelled", .callersCancelled), ("hits", .hits), ("claims", .claims),
        ("takeovers_from_dead", .takeoversFromDead), ("takeovers_from_late", .takeoversFromLate), ("waits", .waits),
        ("refreshed_alone", .refreshedAlone), ("coordination_failures", .coordinationFailures),
        ("discarded_outcomes", .discardedOutcomes),
    ]

    private static let histograms: [(String, FleetHistogram)] = [
        ("upstream_call", .upstreamCall), ("wait", .wait), ("call", .call),
    ]
}
