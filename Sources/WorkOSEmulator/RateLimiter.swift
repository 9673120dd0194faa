/// The two limits on refreshes: per user, and per environment.
struct RateLimiter {
    /// Which limit was met, and how long until it lets the next request through.
    enum Refusal: Hashable {
        case user(Duration)
        case environment(Duration)

        /// How long until the next request is let through.
        var wait: Duration {
            switch self {
            case .user(let wait), .environment(let wait): wait
            }
        }
    }

    private var environment = SlidingWindow()
    private var users: [String: SlidingWindow] = [:]
    // Doubled past what a sweep leaves, so that sweeping costs little per call however many users there are.
    private var sweepAt = 10_000

    /// Counts one request of `user` (an email address, or the challenge where no user is known).
    mutating func admit(user: String, settings: EmulatorSettings, now: Duration) -> Refusal? {
        if let limit = settings.userLimit {
            if users.count >= sweepAt {
                users = users.filter { !$0.value.isEmpty(limit, now: now) }
                sweepAt = max(10_000, 2 * users.count)
            }
            if let wait = users[user, default: SlidingWindow()].admit(limit, now: now) { return .user(wait) }
        }
        if let limit = settings.environmentLimit, let wait = environment.admit(limit, now: now) {
            return .environment(wait)
        }
        return nil
    }
}
