public import Logging

/// How sessions are validated: every duration and choice, with its default and the reason for it.
///
/// A plain value: thread- and fork-safe.
public struct AuthKitConfiguration: Sendable {
    /// What `iss` of an access token must be, or `nil` to accept any. Default `nil`, as the reference has it: the keys
    /// are the client's own, so that whoever signed the token was the client's issuer.
    public var issuer: String?
    /// How long before its `exp` an access token counts as expired, and how far in the future its `nbf` may be.
    /// Default 10 s: the token is still to be passed on, and clocks differ. Must be shorter than the tokens live, or
    /// every request refreshes; zero or more.
    public var expiryLeeway = Duration.seconds(10)
    /// How old the keys may be before they are fetched again. Default 10 minutes: a key that was withdrawn is out of
    /// use then. Where the fetch fails, the old ones serve on.
    public var keySetLifetime = Duration.seconds(600)
    /// The least time between two fetches, whatever tokens come in. Default 30 s: tokens that name keys nobody has can
    /// be made by anyone, and must not become requests.
    public var keySetFetchFloor = Duration.seconds(30)
    /// How long a fetch is waited for. Default 5 s: somebody waits for a page meanwhile.
    public var keySetTimeout = Duration.seconds(5)
    /// Where a key set that cannot be fetched, or a new token that cannot be verified, is said. Never a token.
    public var logger = Logger(label: "authkit")

    /// The defaults.
    public init() {}
}
