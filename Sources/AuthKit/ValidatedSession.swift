public import WorkOS

/// What ``AuthKitCore/validateAndRefresh(_:force:organizationID:endUser:deadline:)`` hands back.
public struct ValidatedSession: Sendable, Hashable {
    /// The session as given, or the new one, which the application must now keep instead of the old.
    public let session: AuthKitSession
    /// Whether the session is a new one.
    public let isRefreshed: Bool
    /// The claims of the session's access token; `nil` only where a new token could not be read.
    public let claims: AccessTokenClaims?
    /// Whether the access token was verified. A session that was not refreshed always is. A new one that could not be
    /// is kept all the same, for it came from the upstream itself over TLS and its predecessor is spent: this says why.
    public let verification: Verification

    /// Whether somebody vouches for an access token.
    public enum Verification: Sendable, Hashable {
        /// Signed by a key of the key set, with the right issuer, and neither expired nor too early.
        case verified
        /// Not so.
        case unverified(Unverified)
    }
}

/// Why an access token is not verified. Holds no part of it.
public enum Unverified: Error, Sendable, Hashable {
    /// Not a compact JWS whose header and claims are JSON objects.
    case notAToken
    /// Expired, about to, or without `exp`.
    case expired
    /// Its `nbf` is in the future.
    case notYetValid
    /// Its header names no key, or another algorithm than RS256.
    case unsupportedSignature
    /// Its header names a key that the key set does not have, though that was fetched after the token was issued.
    case unknownKey
    /// The key it names did not sign it.
    case wrongSignature
    /// `iss` is not the configured issuer.
    case wrongIssuer
    /// The key set could not be fetched, or is older than the token and lacks its key; how long until it may be fetched
    /// again.
    case keysUnavailable(KeySetFailure, retryAfter: Duration)
}
