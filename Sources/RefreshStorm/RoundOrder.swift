/// What a worker is told to do in one round: a line of JSON on its pipe.
struct RoundOrder: Codable {
    /// Which.
    var round: Int
    /// When the callers begin, in nanoseconds of `CLOCK_MONOTONIC`.
    var startAt: UInt64
    /// The calls of each thread, one after another.
    var threads: [[Call]]

    /// One call.
    struct Call: Codable {
        /// The token, by its place among the round's tokens.
        var tokenIndex: Int
        /// The token itself.
        var token: String
        /// The organization asked for.
        var organization: String?
        /// How long after the start, in nanoseconds.
        var offset: UInt64
        /// The caller's own context, which must come back in its error.
        var userID: String
        /// As ``userID``.
        var sessionID: String
    }
}

/// How one call went: workers answer each order with a line that lists them.
struct CallReport: Codable {
    /// The token's place among the round's.
    var tokenIndex: Int
    /// The organization asked for.
    var organization: String?
    /// When it began, in nanoseconds of `CLOCK_MONOTONIC`.
    var startedAt: UInt64
    /// When it ended.
    var endedAt: UInt64
    /// A digest of the result's bytes; `nil` where it failed.
    var result: String?
    /// The organization in the result.
    var resultOrganization: String?
    /// Why it failed.
    var reason: String?
    /// Whether the failure ended the session.
    var isTerminal = false
    /// Whether a failure came back with this caller's own user and session.
    var hasOwnContext = true
    /// The failure in words.
    var detail: String?
}
