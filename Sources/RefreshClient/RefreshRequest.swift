import LeaseTable

/// What a caller wants refreshed, and for whom.
///
/// Two requests are the same, and share one call to the upstream, when token and organization (and, for other
/// providers, scope, resource and audience) are equal; context and end user make no difference.
public struct RefreshRequest: Sendable {
    /// The single-use token, 1 to 16,383 bytes. Never logged.
    public var refreshToken: String
    /// The organization to switch to, or `nil` to stay.
    public var organizationID: String?
    /// The scope asked for (RFC 6749 section 6), where the upstream takes one.
    public var scope: String?
    /// The resource asked for (RFC 8707), where the upstream takes one.
    public var resource: String?
    /// The audience asked for, where the upstream takes one.
    public var audience: String?
    /// Who this caller speaks for; comes back in its errors.
    public var context: RefreshContext
    /// What is known of the end user; passed on by whichever caller's request is sent.
    public var endUser: EndUser

    /// Makes a request.
    public init(
        refreshToken: String, organizationID: String? = nil, scope: String? = nil, resource: String? = nil,
        audience: String? = nil, context: RefreshContext = RefreshContext(), endUser: EndUser = EndUser()
    ) {
        self.refreshToken = refreshToken
        self.organizationID = organizationID
        self.scope = scope
        self.resource = resource
        self.audience = audience
        self.context = context
        self.endUser = endUser
    }
}

/// Who a caller speaks for. Never part of the key: each waiter gets its own back.
public struct RefreshContext: Sendable, Hashable {
    /// The user's id.
    public var userID: String?
    /// The session's id.
    public var sessionID: String?

    /// Makes a context.
    public init(userID: String? = nil, sessionID: String? = nil) {
        self.userID = userID
        self.sessionID = sessionID
    }
}

/// What every caller of one key gets: the upstream's answer, the same bytes for all.
public struct RefreshResult: Sendable, Hashable {
    /// The body of the upstream's 200, verbatim.
    public let body: [UInt8]
    /// `X-Request-ID` of that answer.
    public let requestID: String?

    init(_ success: UpstreamSuccess) {
        body = success.body
        requestID = success.requestID
    }
}
