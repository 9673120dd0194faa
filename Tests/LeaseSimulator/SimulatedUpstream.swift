/// One single-use token at the upstream.
struct SimulatedToken {
    /// When it was first rotated.
    var spentAt: UInt64?
    /// The session is over.
    var isRevoked = false
}

/// One request on its way to the upstream and back.
final class SimulatedCall {
    /// What chance has in store for it.
    enum Fate { case answered, rateLimited, serverError, answerLost, sessionEnded }

    enum Answer {
        case success(body: Int)
        case rateLimited(retryAfter: UInt64?)
        case terminal
        case transient
    }

    let key: Int
    let fate: Fate
    let effectAt: UInt64
    let answerAt: UInt64
    let timesOutAt: UInt64
    /// Set when the upstream has acted.
    var answer: Answer?
    /// The tenure that sent it; none for a refresh without a lease.
    let tenure: SimulatedTenure?
    let thread: SimulatedThread

    init(
        key: Int, fate: Fate, effectAt: UInt64, answerAt: UInt64, timesOutAt: UInt64, tenure: SimulatedTenure?,
        thread: SimulatedThread
    ) {
        self.key = key
        self.fate = fate
        self.effectAt = effectAt
        self.answerAt = answerAt
        self.timesOutAt = timesOutAt
        self.tenure = tenure
        self.thread = thread
    }
}
