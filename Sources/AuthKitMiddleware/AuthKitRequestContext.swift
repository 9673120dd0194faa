public import AuthKit
public import Hummingbird
public import RefreshClient

/// A request context with room for what ``AuthKitMiddleware`` found out.
public protocol AuthKitRequestContext: RequestContext {
    /// Whether somebody is signed in. Begin with ``AuthKitState/signedOut``; the middleware sets it.
    var authKit: AuthKitState { get set }
}

/// Whether somebody is signed in, as far as is known.
public enum AuthKitState: Sendable {
    /// No session came with the request, or none that could be opened.
    case signedOut
    /// A valid session. Where it is new, the response brings its cookie.
    case signedIn(ValidatedSession)
    /// The upstream ended the session, and says why; the response clears its cookie. The user signs in again.
    case ended(TokenRefreshError)
    /// There is a session that could be neither validated nor refreshed now; it is kept. Seen only where the middleware
    /// is told to serve such requests. The access token is likely no longer good, and nobody vouches for the user.
    case unavailable(AuthKitSession, any Error)

    /// The session, where somebody is signed in.
    public var session: ValidatedSession? {
        if case .signedIn(let session) = self { session } else { nil }
    }
}

/// What becomes of a request whose session could not be refreshed now, but perhaps soon.
public enum TransientFailurePolicy: Sendable, Hashable, CaseIterable {
    /// 503 with `Retry-After`: for pages that are of no use without a session. The default.
    case refuse
    /// The request is served, in the state ``AuthKitState/unavailable(_:_:)``.
    case serve
}
