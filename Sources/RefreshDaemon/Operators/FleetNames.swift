import FleetCounters

/// What the counters of all processes are called outside: in metrics, and in JSON without `refreshd_`, `_total` and
/// `_seconds`.
enum FleetNames {
    /// Counters that are told apart by a label.
    struct Labelled: Sendable {
        let name: String
        let help: String
        let label: String
        let values: [(String, FleetCounter)]
    }

    static let labelled = [
        Labelled(
            name: "upstream_calls", help: "Calls to the upstream, by how they ended.", label: "outcome",
            values: [
                ("success", .upstreamSuccess), ("terminal", .upstreamTerminal), ("transient", .upstreamTransient),
                ("in_doubt", .upstreamInDoubt),
            ]),
        Labelled(
            name: "callers", help: "Callers that wanted a token refreshed, by what they got.", label: "got",
            values: [
                ("own_call", .callersCalled), ("others_call", .callersWaited), ("stored", .callersStored),
                ("timeout", .callersTimedOut), ("error", .callersFailed), ("cancelled", .callersCancelled),
            ]),
        Labelled(
            name: "takeovers", help: "Leases taken from another holder, by what had become of it.", label: "from",
            values: [("dead", .takeoversFromDead), ("late", .takeoversFromLate)]),
    ]

    static let single: [(name: String, help: String, counter: FleetCounter)] = [
        ("claims", "Leases taken.", .claims),
        ("hits", "Results found stored, by callers that had waited as well.", .hits),
        ("waits", "Waits for somebody else's call.", .waits),
        ("refreshed_alone", "Refreshes made without a lease, since the table failed.", .refreshedAlone),
        ("coordination_failures", "Failures of the table.", .coordinationFailures),
        ("discarded_outcomes", "Stored outcomes that did not open.", .discardedOutcomes),
    ]

    static let histograms: [(name: String, help: String, histogram: FleetHistogram)] = [
        ("upstream_call", "From sending to the upstream to its answer.", .upstreamCall),
        ("wait", "A caller's wait for somebody else's call.", .wait),
        ("call", "A caller's whole call, whatever it got.", .call),
    ]
}
