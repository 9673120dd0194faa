/// Why a caller did not get its tokens, with the caller's own context.
public struct TokenRefreshError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure. Open: codes may be added later.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case sessionEnded, upstreamFailed, deadlineExceeded, coordinationFailed, directoryUnusable
            case invalidRequest, resourcesExhausted, leaseLost
        }

        private let value: Value

        /// The upstream ended the session: the user signs in again.
        public static let sessionEnded = Code(value: .sessionEnded)
        /// The upstream could not be reached or could not answer; the token is likely still good.
        public static let upstreamFailed = Code(value: .upstreamFailed)
        /// The caller's time was up. A call that was sent goes on and its result will be found by the next caller.
        public static let deadlineExceeded = Code(value: .deadlineExceeded)
        /// The lease table failed, and the configuration says not to refresh without it.
        public static let coordinationFailed = Code(value: .coordinationFailed)
        /// The directory of the lease table cannot be opened: the operator's to mend.
        public static let directoryUnusable = Code(value: .directoryUnusable)
        /// The request cannot be made: an empty token, for instance.
        public static let invalidRequest = Code(value: .invalidRequest)
        /// The process has no thread to give.
        public static let resourcesExhausted = Code(value: .resourcesExhausted)

        /// The lease that a caller held is somebody else's by now, who may still answer, or was ended by this caller
        /// before. To begin again finds the other's outcome.
        public static let leaseLost = Code(value: .leaseLost)

        /// The code's name.
        public var description: String { value.rawValue }
    }

    /// What kind of failure.
    public let code: Code
    /// Whether the session is over or a later try may succeed.
    public let `class`: UpstreamFailure.Class
    /// Why, in the words of the Node SDK where it has one.
    public let reason: FailureReason
    /// How long to wait before the next try, where the upstream said so.
    public let retryAfter: Duration?
    /// The user this caller spoke for.
    public let userID: String?
    /// The session this caller spoke for.
    public let sessionID: String?
    /// What the upstream answered, in order: two where it was asked again after a 429, none where it was not asked.
    public let attempts: [UpstreamFailure]
    /// What failed beneath, where it was not the upstream.
    public let cause: (any Error)?

    /// Whether a later try with the same token may succeed.
    public var isRetryable: Bool { self.class == .transient }

    /// The failure in words. Never a token.
    public var description: String {
        var text = "token refresh failed: \(code) (\(self.class.rawValue), \(reason.rawValue))"
        if let sessionID { text += " for session \(sessionID)" }
        if let cause { text += ": \(cause)" }
        if attempts.count > 1 { text += ": after \(attempts.count) attempts" }
        for attempt in attempts { text += ": \(attempt.detail)" }
        return text
    }

    init(_ cause: FlightFailure, context: RefreshContext) {
        userID = context.userID
        sessionID = context.sessionID
        switch cause {
        case .upstream(let attempts):
            let last = attempts.last
            code = last?.class == .terminal ? .sessionEnded : .upstreamFailed
            self.class = last?.class ?? .transient
            reason = last?.reason ?? .serverError
            retryAfter = last?.retryAfterMilliseconds.map { .milliseconds($0) }
            self.attempts = attempts
            self.cause = nil
            return
        case .deadline(let what):
            code = .deadlineExceeded
            reason = .timeout
            self.cause = what
        case .coordination(let error):
            code = .coordinationFailed
            reason = FailureReason(rawValue: "coordination_failed")
            self.cause = error
        case .directory(let error):
            code = .directoryUnusable
            reason = FailureReason(rawValue: "directory_unusable")
            self.cause = error
        case .request(let error):
            code = .invalidRequest
            reason = FailureReason(rawValue: "invalid_request")
            self.cause = error
        case .lease(let error):
            code = .leaseLost
            reason = FailureReason(rawValue: "lease_lost")
            self.cause = error
        case .resources(let error):
            code = .resourcesExhausted
            reason = FailureReason(rawValue: "resources_exhausted")
            self.cause = error
        }
        // Nothing below the upstream says anything about the session; but a request that cannot be made never can.
        if case .request = cause { self.class = .terminal } else { self.class = .transient }
        retryAfter = nil
        attempts = []
    }
}

/// Why a flight failed, before it is told to each caller in its own words.
enum FlightFailure: Error, Sendable {
    case upstream([UpstreamFailure])
    case deadline((any Error)?)
    case coordination(any Error)
    case directory(any Error)
    case request(any Error)
    case resources(any Error)
    case lease(HeldLeaseError)
}
