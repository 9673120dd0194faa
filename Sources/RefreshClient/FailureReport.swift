import LeaseTable
import ProcessSupport

/// A failure on its way into the table, for everyone who waits.
struct FailureReport {
    /// What the upstream said, in order; the last says how it ended.
    let attempts: [UpstreamFailure]
    private let table: LeaseTable
    private let tenure: Tenure

    init(of attempts: [UpstreamFailure], table: LeaseTable, tenure: Tenure) {
        self.attempts = attempts
        self.table = table
        self.tenure = tenure
    }

    /// What became of it.
    enum End {
        /// It is the outcome, for this process's callers at least.
        case counts
        /// Somebody has stored a success, which is the outcome.
        case adopted(UpstreamSuccess)
        /// The lease was passed, and who holds it now may still succeed, or has ended it with another outcome.
        case othersMayAnswer
    }

    /// Records the failure, if the lease is still ours.
    func attempt() -> End {
        let configuration = table.configuration
        let last = attempts.last
        let asking = last.flatMap { $0.status == 429 || $0.retryAfterMilliseconds != nil ? $0 : nil }
        let notBefore = asking.map { BootInstant.now().advanced(by: configuration.pause(askedBy: $0)) }
        let ended = try? table.fail(
            tenure, kind: last?.class == .terminal ? .terminalFailure : .transientFailure,
            failure: OutcomePayload.encode(attempts), notBefore: notBefore,
            deadline: MonotonicInstant.now().advanced(by: configuration.publishTimeout))
        switch ended {
        case .stored: return .counts
        case .adopted(let sealed):
            return sealed.payload(for: tenure.key, OutcomePayload.decodeSuccess).map { .adopted($0) }
                ?? .othersMayAnswer
        // Where nobody answers instead, to go on would be to send the token a second time.
        case .ignored: return othersMayAnswer() ? .othersMayAnswer : .counts
        // Nobody else hears of it: they see this lease end, and one of them asks for itself.
        case nil: return .counts
        }
    }

    /// Whether somebody else holds the lease, or has ended it with an outcome that answers this call's callers.
    private func othersMayAnswer() -> Bool {
        let deadline = MonotonicInstant.now().advanced(by: table.configuration.publishTimeout)
        let decision = try? table.look(at: tenure.key, as: Claim(joined: tenure.generation), deadline: deadline)
        switch decision {
        case .hit, .failed, .join: return true
        case .wait, .claimable, nil: return false
        }
    }
}
