import Logging
public import RefreshClient
import WorkOS

/// Sessions for Swift servers: validates an access token, and refreshes the session where it must be, once for all
/// requests and processes that hold it.
///
/// Make one for the life of the process, after any fork: it caches keys, and uses Swift's own threads, which do not
/// survive a fork. Thread-safe.
public final class AuthKitCore: Sendable {
    private let client: RefreshClient
    private let configuration: AuthKitConfiguration
    private let verifier: TokenVerifier

    /// Makes a core of its parts.
    ///
    /// - Parameters:
    ///   - client: refreshes tokens.
    ///   - configuration: how sessions are validated.
    ///   - time: the clocks; the system's unless a test gives others.
    ///   - keySet: fetches the JSON Web Key Set, verbatim. Whatever it throws, and any time beyond
    ///     ``AuthKitConfiguration/keySetTimeout``, is a fetch that failed and whose task is cancelled. Called
    ///     again while it runs only where it has been given up and does not end with its task.
    public init(
        client: RefreshClient, configuration: AuthKitConfiguration = AuthKitConfiguration(),
        time: TimeSource = .system, keySet: @escaping @Sendable () async throws -> [UInt8]
    ) {
        self.client = client
        self.configuration = configuration
        verifier = TokenVerifier(
            keys: KeySetCache(configuration: configuration, time: time, fetch: keySet), configuration: configuration,
            time: time)
    }

    /// Validates a session, and refreshes it where its access token is not valid or `force` says so.
    ///
    /// The refresh asks for `organizationID`, or else for the organization of the old access token, expired or not, so
    /// that one session always makes one and the same call, which all its holders share.
    ///
    /// - Parameters:
    ///   - session: as the application kept it.
    ///   - force: refresh a valid session too, for instance to switch to another organization.
    ///   - organizationID: the organization to switch to; used only where the session is refreshed.
    ///   - endUser: what is known of the browser, passed on to the upstream.
    ///   - deadline: how long a refresh may take this caller; the client's configuration says it where this is `nil`.
    /// - Returns: the session to go on with. Where it is a new one, keep it, even where its verification failed.
    /// - Throws: `TokenRefreshError`, with the ids of this session's user and session, where the refresh failed;
    ///   ``AuthKitError/keysUnavailable(_:retryAfter:)`` where it cannot be said whether the session is valid;
    ///   `CancellationError` where this task was cancelled, while the refresh goes on for others.
    public func validateAndRefresh(
        _ session: AuthKitSession, force: Bool = false, organizationID: String? = nil, endUser: EndUser = EndUser(),
        deadline: Duration? = nil
    ) async throws -> ValidatedSession {
        if !force {
            switch await verifier.verify(session.accessToken) {
            case .success(let claims):
                return ValidatedSession(
                    session: session, isRefreshed: false, claims: claims, verification: .verified)
            case .failure(.keysUnavailable(let failure, let retryAfter)):
                throw AuthKitError.keysUnavailable(failure, retryAfter: retryAfter)
            case .failure: break
            }
        }
        let old = try? AccessTokenClaims(parsing: session.accessToken)
        let refreshed = try await refresh(
            RefreshRequest(
                refreshToken: session.refreshToken, organizationID: organizationID ?? old?.organizationID,
                context: RefreshContext(userID: session.userID ?? old?.userID, sessionID: old?.sessionID),
                endUser: endUser),
            deadline: deadline)
        return await validated(refreshed)
    }

    /// Refreshes without looking at an access token.
    ///
    /// - Throws: `TokenRefreshError` with `context`, or `CancellationError`.
    public func refreshTokens(
        _ refreshToken: String, organizationID: String? = nil, context: RefreshContext = RefreshContext(),
        deadline: Duration? = nil
    ) async throws -> AuthKitSession {
        try await refresh(
            RefreshRequest(refreshToken: refreshToken, organizationID: organizationID, context: context),
            deadline: deadline)
    }

    /// Whether an access token is valid now. Throws nothing: a token is not valid, too, where the keys to verify it
    /// with cannot be fetched.
    public func verifyToken(_ accessToken: String) async -> Bool {
        if case .success = await verifier.verify(accessToken) { true } else { false }
    }

    private func refresh(_ request: RefreshRequest, deadline: Duration?) async throws -> AuthKitSession {
        let result = try await client.refresh(request, deadline: deadline)
        return try AuthKitSession(answer: result.body, replacing: request.refreshToken)
    }

    private func validated(_ session: AuthKitSession) async -> ValidatedSession {
        switch await verifier.verify(session.accessToken) {
        case .success(let claims):
            return ValidatedSession(session: session, isRefreshed: true, claims: claims, verification: .verified)
        case .failure(let reason):
            let claims = try? AccessTokenClaims(parsing: session.accessToken)
            configuration.logger.warning(
                "new access token not verified",
                metadata: ["session": "\(claims?.sessionID ?? "unknown")", "reason": "\(reason)"])
            return ValidatedSession(
                session: session, isRefreshed: true, claims: claims, verification: .unverified(reason))
        }
    }
}
