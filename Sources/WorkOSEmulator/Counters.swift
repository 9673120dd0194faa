/// What is counted, for all calls and for each token.
struct Counters: Hashable, Sendable {
    /// Well-formed requests to refresh, whatever came of them.
    var refreshCalls = 0
    /// Tokens spent for the first time.
    var rotations = 0
    /// Spent tokens refused.
    var replaysRejected = 0
    /// Spent tokens accepted within the grace.
    var replaysAccepted = 0
    /// Tokens that never were.
    var unknownTokens = 0
    /// Calls refused by a limit.
    var rateLimited = 0
    /// Calls whose client left before it was answered.
    var abandoned = 0
    /// Calls that met a fault.
    var faultsApplied = 0
    /// Calls refused for their credentials.
    var invalidClients = 0
    /// Calls that arrived and are not over.
    var inFlight = 0
    /// The most that were in flight at once.
    var maxInFlight = 0

    /// A call arrived.
    mutating func arrive() {
        refreshCalls += 1
        inFlight += 1
        maxInFlight = max(maxInFlight, inFlight)
    }

    /// Everything to zero, except what is in flight now.
    mutating func reset() {
        self = Counters(inFlight: inFlight, maxInFlight: inFlight)
    }

    /// Under the names of `GET /_emulator/stats`.
    var json: [String: JSONValue] {
        [
            "refresh_calls": .integer(Int64(refreshCalls)), "rotations": .integer(Int64(rotations)),
            "replays_rejected": .integer(Int64(replaysRejected)),
            "replays_accepted": .integer(Int64(replaysAccepted)),
            "unknown_tokens": .integer(Int64(unknownTokens)), "rate_limited": .integer(Int64(rateLimited)),
            "abandoned": .integer(Int64(abandoned)), "faults_applied": .integer(Int64(faultsApplied)),
            "invalid_clients": .integer(Int64(invalidClients)), "in_flight": .integer(Int64(inFlight)),
            "max_in_flight": .integer(Int64(maxInFlight)),
        ]
    }
}
