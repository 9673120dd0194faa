import ArgumentParser

/// What a storm does, and what must hold in it.
enum Scenario: String, CaseIterable, ExpressibleByArgument, Codable {
    case together
    case late
    case slow
    case killHolder = "kill-holder"
    case terminal
    case rateLimited = "rate-limited"
    case organizations
    case distinct

    /// One line for the help.
    var summary: String {
        switch self {
        case .together: "every caller at the same moment: one upstream call"
        case .late: "callers arrive over 5 s after the first: one upstream call"
        case .slow: "the upstream is slow (6 s unless it is said): one upstream call"
        case .killHolder: "the holder is killed in mid-call: exactly one further call"
        case .terminal: "the upstream answers invalid_grant: one call, everyone is told, each in its own context"
        case .rateLimited: "429 with Retry-After 2, then success: two calls, everyone succeeds"
        case .organizations: "the same token for two organizations: two calls, results never mixed"
        case .distinct: "many tokens at once: one call each"
        }
    }

    /// How long the upstream takes unless it is said, in milliseconds.
    var defaultDelay: Int {
        switch self {
        case .slow: 6_000
        case .killHolder: 500
        case .distinct: 20
        default: 100
        }
    }

    /// How many processes and callers in each unless it is said.
    var defaultFleet: (processes: Int, callers: Int) {
        self == .distinct ? (8, 16) : (16, 8)
    }

    /// Upstream calls that a round of `tokens` tokens must make.
    func expectedCalls(tokens: Int) -> Int {
        switch self {
        case .together, .late, .slow, .terminal: tokens
        case .killHolder, .rateLimited, .organizations: 2 * tokens
        case .distinct: tokens
        }
    }
}
