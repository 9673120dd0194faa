import FoundationEssentials

/// Judges access tokens: signature, issuer and time.
struct TokenVerifier: Sendable {
    let keys: KeySetCache
    let configuration: AuthKitConfiguration
    let time: TimeSource

    /// Valid, with the claims, or why not.
    func verify(_ token: String) async -> Result<AccessTokenClaims, Unverified> {
        guard let parsed = try? CompactToken(token) else { return .failure(.notAToken) }
        let claims = AccessTokenClaims(all: parsed.payload)
        // Any other algorithm is refused here, before a key is looked for: RFC 8725 section 3.1.
        guard parsed.algorithm == "RS256", let identifier = parsed.keyIdentifier else {
            return .failure(.unsupportedSignature)
        }
        // Time first: an expired token is to be refreshed whoever signed it, and that needs no keys.
        if let reason = outOfTime(claims) { return .failure(reason) }
        let key: VerificationKey
        switch await keys.key(identifier, issuedAt: claims.issuedAt) {
        case .key(let known): key = known
        case .unknown: return .failure(.unknownKey)
        case .unavailable(let failure, let retryAfter):
            return .failure(.keysUnavailable(failure, retryAfter: retryAfter))
        }
        guard await key.verifies(token) else { return .failure(.wrongSignature) }
        if let issuer = configuration.issuer, claims.issuer != issuer { return .failure(.wrongIssuer) }
        return .success(claims)
    }

    /// A token that does not say when it expires would never be refreshed, nor ended: it counts as expired.
    private func outOfTime(_ claims: AccessTokenClaims) -> Unverified? {
        let leeway = configuration.expiryLeeway / .seconds(1)
        let now = time.date()
        guard let expiry = claims.expiresAt, expiry.timeIntervalSince(now) > leeway else { return .expired }
        if let begin = claims.notBefore, begin.timeIntervalSince(now) > leeway { return .notYetValid }
        return nil
    }
}
