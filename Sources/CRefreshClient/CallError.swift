import CRefreshClientHeader
import RefreshClient

/// Why a call from C failed: what goes into a `refreshclient_error`.
struct CallError: Error {
    var code: Int32
    var isRetryable = false
    var httpStatus: Int32 = 0
    var mayHaveRotated = false
    var retryAfterMilliseconds: Int64 = -1
    var reason: String
    var requestID = ""
    var message: String
    /// The upstream's answer, where there was one.
    var body: [UInt8] = []

    static func invalid(_ message: String) -> CallError {
        CallError(code: REFRESHCLIENT_INVALID_ARGUMENT, reason: "invalid_request", message: message)
    }

    static func stale(_ message: String) -> CallError {
        CallError(code: REFRESHCLIENT_STALE_HANDLE, reason: "stale_handle", message: message)
    }

    static let staleLease = stale(
        "the lease is none of this process's: it was finished or abandoned, is another process's, or never was")

    static let staleWaiter = stale(
        "the waiter is none of this process's: its wait is over, it is another process's, or never was")

    static let noMemory = CallError(
        code: REFRESHCLIENT_RESOURCES_EXHAUSTED, isRetryable: true, reason: "resources_exhausted",
        message: "there is no memory for the result, which is stored: begin again")

    static let leaseLost = CallError(
        code: REFRESHCLIENT_LEASE_LOST, isRetryable: true, reason: "lease_lost",
        message: HeldLeaseError.passed.description)

    private init(code: some BinaryInteger, isRetryable: Bool = false, reason: String, message: String) {
        self.code = Int32(code)
        self.isRetryable = isRetryable
        self.reason = reason
        self.message = message
    }

    init(_ error: TokenRefreshError) {
        let last = error.attempts.last
        code = Self.code(of: error)
        isRetryable = error.isRetryable
        httpStatus = Int32(clamping: last?.status ?? 0)
        mayHaveRotated = error.attempts.contains { $0.mayHaveRotated }
        retryAfterMilliseconds = last?.retryAfterMilliseconds ?? -1
        reason = error.reason.rawValue
        requestID = last?.requestID ?? ""
        message = error.description
        body = last?.body ?? []
        if code == REFRESHCLIENT_STALE_HANDLE { self = .stale(HeldLeaseError.ended.description) }
    }

    /// The failure that the program itself reported, when it comes back to it.
    var asCallbackFailure: CallError {
        guard code == REFRESHCLIENT_SESSION_ENDED || code == REFRESHCLIENT_UPSTREAM_FAILED else { return self }
        var own = self
        own.code = Int32(REFRESHCLIENT_CALLBACK_FAILED)
        return own
    }

    private static func code(of error: TokenRefreshError) -> Int32 {
        let code =
            switch error.code {
            case .sessionEnded: REFRESHCLIENT_SESSION_ENDED
            case .upstreamFailed: REFRESHCLIENT_UPSTREAM_FAILED
            case .deadlineExceeded: REFRESHCLIENT_DEADLINE_EXCEEDED
            case .coordinationFailed: REFRESHCLIENT_COORDINATION_FAILED
            case .directoryUnusable: REFRESHCLIENT_DIRECTORY_UNUSABLE
            case .invalidRequest: REFRESHCLIENT_INVALID_ARGUMENT
            case .resourcesExhausted: REFRESHCLIENT_RESOURCES_EXHAUSTED
            case .leaseLost where error.cause as? HeldLeaseError == .ended: REFRESHCLIENT_STALE_HANDLE
            case .leaseLost: REFRESHCLIENT_LEASE_LOST
            default: REFRESHCLIENT_UPSTREAM_FAILED
            }
        return Int32(code)
    }

    /// Fills in all of a structure that was checked.
    func fill(_ target: UnsafeMutablePointer<refreshclient_error>) {
        unsafe target.pointee.code = code
        unsafe target.pointee.is_retryable = isRetryable ? 1 : 0
        unsafe target.pointee.http_status = httpStatus
        unsafe target.pointee.may_have_rotated = mayHaveRotated ? 1 : 0
        unsafe target.pointee.retry_after_ms = retryAfterMilliseconds
        unsafe withUnsafeMutableBytes(of: &target.pointee.reason) { unsafe Output.copy(reason, to: $0) }
        unsafe withUnsafeMutableBytes(of: &target.pointee.request_id) { unsafe Output.copy(requestID, to: $0) }
        unsafe withUnsafeMutableBytes(of: &target.pointee.message) { unsafe Output.copy(message, to: $0) }
    }
}
