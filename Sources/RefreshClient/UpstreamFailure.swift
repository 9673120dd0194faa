/// A refresh that did not succeed, as the upstream or the network reported it. Shared by all callers of the key.
public struct UpstreamFailure: Error, Sendable, Hashable, Codable {
    /// Whether the session is over or the token is still good.
    public enum Class: String, Sendable, Hashable, Codable {
        /// The session has ended: the user signs in again.
        case terminal
        /// The refresh token is likely still good: a later try may succeed.
        case transient
    }

    /// `terminal` or `transient`.
    public var `class`: Class
    /// Why, in the words of the Node SDK where it has one.
    public var reason: FailureReason
    /// The HTTP status, or `nil` where no answer came.
    public var status: Int?
    /// The answer's headers that matter (`Content-Type`, `Retry-After`, `X-Request-ID`), in order.
    public var headers: [Header]
    /// The answer's body, verbatim, at most 64 KiB; empty where no answer came.
    public var body: [UInt8]
    /// How long the upstream asked to wait, from `Retry-After`; `nil` where it did not say or said nonsense.
    public var retryAfterMilliseconds: Int64?
    /// Whether the token may have been rotated all the same (an answer lost or cut short after sending).
    public var mayHaveRotated: Bool
    /// One sentence for the log and the error message. Never a token.
    public var detail: String

    /// A header of the upstream's answer.
    public struct Header: Sendable, Hashable, Codable {
        /// The name, as sent.
        public var name: String
        /// The value, as sent.
        public var value: String

        /// Makes a header.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Makes a failure.
    public init(
        class: Class, reason: FailureReason, status: Int? = nil, headers: [Header] = [], body: [UInt8] = [],
        retryAfterMilliseconds: Int64? = nil, mayHaveRotated: Bool = false, detail: String
    ) {
        self.class = `class`
        self.reason = reason
        self.status = status
        self.headers = headers
        self.body = body
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.mayHaveRotated = mayHaveRotated
        self.detail = detail
    }

    /// `X-Request-ID` of the answer, where there is one.
    public var requestID: String? {
        headers.first { $0.name.lowercased() == "x-request-id" }?.value
    }
}

/// Why a refresh failed. Open: a name that is not known here is kept as it is.
public struct FailureReason: RawRepresentable, Sendable, Hashable, Codable {
    /// The name, as in the Node SDK.
    public var rawValue: String

    /// Keeps any name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The token was spent, revoked or never existed (terminal).
    public static let invalidGrant = FailureReason(rawValue: "invalid_grant")
    /// The user must enroll a second factor (terminal).
    public static let mfaEnrollment = FailureReason(rawValue: "mfa_enrollment")
    /// The organization requires single sign-on (terminal).
    public static let ssoRequired = FailureReason(rawValue: "sso_required")
    /// Client id or API key are wrong: the operator's to mend (terminal).
    public static let invalidClient = FailureReason(rawValue: "invalid_client")
    /// No answer in time, or 408 (transient).
    public static let timeout = FailureReason(rawValue: "timeout")
    /// 429 (transient).
    public static let rateLimitExceeded = FailureReason(rawValue: "rate_limit_exceeded")
    /// 5xx, or a 200 that is not what it should be (transient).
    public static let serverError = FailureReason(rawValue: "server_error")
    /// Connection refused, reset, name not found (transient).
    public static let networkError = FailureReason(rawValue: "network_error")
}
