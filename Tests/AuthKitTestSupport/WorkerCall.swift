/// A call for an authkit-worker, a line of JSON on its standard input.
package struct WorkerCall: Codable, Sendable {
    /// What is called.
    package enum Kind: String, Codable, Sendable {
        case refresh, validate, verify
    }

    package var id = 0
    package var kind: Kind
    package var accessToken = "expired"
    package var refreshToken: String
    package var userID: String?
    package var organizationID: String?
    package var isForced = false

    package init(
        _ kind: Kind = .validate, refreshToken: String, userID: String? = nil, organizationID: String? = nil
    ) {
        self.kind = kind
        self.refreshToken = refreshToken
        self.userID = userID
        self.organizationID = organizationID
    }
}

/// What became of a call, a line of JSON on an authkit-worker's standard output.
package struct WorkerReply: Codable, Sendable, Hashable {
    package var id: Int
    package var accessToken: String?
    package var refreshToken: String?
    package var userID: String?
    package var sessionID: String?
    package var refreshed: Bool?
    package var verified: Bool?
    package var error: String?
    package var reason: String?
    package var retryable: Bool?
    package var attempts: [String]?
    package var description: String?

    package init(id: Int) { self.id = id }
}
