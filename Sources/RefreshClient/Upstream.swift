/// Who performs a refresh: the party that is called once per key, by the holder of the lease.
///
/// An upstream must be usable from any thread, and in a process that was forked after it was made: keep no
/// threads, connections or locks across calls.
public protocol Upstream: Sendable {
    /// What tells this upstream from others in the key: its endpoint's URL. Two upstreams that would answer the
    /// same token differently have different identities.
    var endpoint: String { get }

    /// The OAuth client identifier, part of the key.
    var clientID: String { get }

    /// Performs one attempt and says how it ended. Blocks for at most `timeout`, never retries, and never throws:
    /// whatever goes wrong is an ``UpstreamFailure`` with its class.
    ///
    /// Called on a thread of the library that has every signal blocked.
    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer
}

/// What is to be refreshed.
public struct UpstreamRequest: Sendable {
    /// The single-use token. Never logged.
    public var refreshToken: String
    /// The organization to switch to, or `nil` to stay in the session's.
    public var organizationID: String?
    /// One value per logical call, the same on its retry.
    public var idempotencyKey: String
    /// The end user's address, user agent and device, where known.
    public var endUser: EndUser

    /// Makes a request.
    public init(
        refreshToken: String, organizationID: String? = nil, idempotencyKey: String, endUser: EndUser = EndUser()
    ) {
        self.refreshToken = refreshToken
        self.organizationID = organizationID
        self.idempotencyKey = idempotencyKey
        self.endUser = endUser
    }
}

/// What the application knows of the end user; passed on to the upstream, never part of the key.
public struct EndUser: Sendable, Hashable {
    /// `ip_address` of the request to the upstream.
    public var ipAddress: String?
    /// `user_agent` of the request to the upstream.
    public var userAgent: String?
    /// `device_id` of the request to the upstream.
    public var deviceID: String?

    /// Makes a description; everything may be left out.
    public init(ipAddress: String? = nil, userAgent: String? = nil, deviceID: String? = nil) {
        self.ipAddress = ipAddress
        self.userAgent = userAgent
        self.deviceID = deviceID
    }
}

/// How an attempt ended.
public enum UpstreamAnswer: Sendable {
    /// The token was rotated, and this is what came back.
    case success(UpstreamSuccess)
    /// It was not, as far as is known.
    case failure(UpstreamFailure)
}

/// The upstream's 200.
public struct UpstreamSuccess: Sendable, Hashable {
    /// The body, verbatim: a JSON object with `access_token`, at most 64 KiB.
    public var body: [UInt8]
    /// `X-Request-ID` of the answer, for the log.
    public var requestID: String?

    /// Makes a success.
    public init(body: [UInt8], requestID: String? = nil) {
        self.body = body
        self.requestID = requestID
    }
}
