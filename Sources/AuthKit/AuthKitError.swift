public import WorkOS

/// What can go wrong besides the refresh itself, whose failures are `TokenRefreshError`.
public enum AuthKitError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The access token has not expired by its own word, but there is no key to verify it with, because the key set
    /// could not be fetched, or was fetched before the token was issued and must not be again yet. Transient: nothing was refreshed and the session is as good as it was. Refreshing would
    /// not help, since the next token could not be verified either, and would spend the user's rate limit.
    case keysUnavailable(KeySetFailure, retryAfter: Duration)
    /// An answer with status 200 that has no tokens; never from the built-in upstream, which checks for them.
    case answerWithoutTokens

    /// The failure in words. Never a token.
    public var description: String {
        switch self {
        case .keysUnavailable(let failure, _): "the access token could not be verified: \(failure)"
        case .answerWithoutTokens: "the answer holds no tokens"
        }
    }
}
