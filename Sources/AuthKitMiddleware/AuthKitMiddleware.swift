public import AuthKit
import HTTPTypes
public import Hummingbird
public import Logging
public import RefreshClient

/// Opens the session cookie, validates the session, refreshes it where needed, and keeps the new one.
///
/// Handlers find the outcome in ``AuthKitRequestContext/authKit``. What happens to the cookie:
///
/// - A valid session: nothing, also where the key that it was sealed with has been retired. Its refresh will seal it
///   anew; a response that did so now could arrive after that of a refresh, and bring the spent session back.
/// - A refreshed session: the response sets it, also where the handler throws, for the old one is spent. An `HTTPError`
///   goes on as it is, with the cookie in its headers; any other error as ``AuthKitHandlerError``.
/// - A session that the upstream ended: the response clears it.
/// - Any other failure: nothing. A client that the upstream refuses (`invalid_client`) is the operator's fault and not
///   the users', who stay signed in.
/// - A response that sets or clears the session cookie itself, as sign-in and sign-out do: nothing.
///
/// A response that touches the cookie is marked `Cache-Control: no-store`, unless the handler has said otherwise, so
/// that no cache gives one user's session to another.
public struct AuthKitMiddleware<Context: AuthKitRequestContext>: RouterMiddleware {
    private let core: AuthKitCore
    private let cookies: SessionCookies
    private let onTransientFailure: TransientFailurePolicy
    private let endUser: @Sendable (Request) -> EndUser
    private let logger: Logger

    /// Makes the middleware.
    ///
    /// - Parameters:
    ///   - core: one for the process.
    ///   - cookies: how the session is kept.
    ///   - onTransientFailure: what becomes of a request whose session can be refreshed only later.
    ///   - endUser: what is known of the browser; nothing, unless this says otherwise.
    ///   - logger: told of sessions that could not be kept. Never a token.
    public init(
        core: AuthKitCore, cookies: SessionCookies, onTransientFailure: TransientFailurePolicy = .refuse,
        endUser: @escaping @Sendable (Request) -> EndUser = { _ in EndUser() },
        logger: Logger = Logger(label: "authkit")
    ) {
        self.core = core
        self.cookies = cookies
        self.onTransientFailure = onTransientFailure
        self.endUser = endUser
        self.logger = logger
    }

    /// Serves a request.
    public func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let found = cookies.find(in: request.headers[values: .cookie])
        guard let session = found.session else { return try await next(request, context) }
        var context = context
        var changes: [String] = []
        do {
            let validated = try await core.validateAndRefresh(session, endUser: endUser(request))
            context.authKit = .signedIn(validated)
            if validated.isRefreshed { changes = keeping(validated, replacing: found.parts) }
        } catch let error as TokenRefreshError where error.endsSession {
            context.authKit = .ended(error)
            changes = cookies.removing(found.parts)
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.notice("session not refreshed", metadata: ["reason": "\(error)"])
            if onTransientFailure == .refuse { return refusal(for: error) }
            context.authKit = .unavailable(session, error)
        }
        do {
            var response = try await next(request, context)
            add(changes, to: &response.headers)
            return response
        } catch  where changes.isEmpty {
            throw error
        } catch var error as HTTPError {
            add(changes, to: &error.headers)
            throw error
        } catch {
            throw AuthKitHandlerError(underlying: error) { [changes] in add(changes, to: &$0) }
        }
    }

    private func keeping(_ validated: ValidatedSession, replacing parts: Set<Int>) -> [String] {
        do throws(SessionCookieError) {
            return try cookies.setting(validated.session, replacing: parts)
        } catch {
            // This request has its session all the same; the next one finds the old cookie.
            logger.error("session not kept", metadata: ["reason": "\(error)"])
            return []
        }
    }

    private func add(_ changes: [String], to fields: inout HTTPFields) {
        guard !changes.isEmpty, !fields[values: .setCookie].contains(where: cookies.concerns) else { return }
        fields[values: .setCookie] += changes
        if fields[.cacheControl] == nil { fields[.cacheControl] = "no-store" }
    }

    private func refusal(for error: any Error) -> Response {
        let wait =
            switch error {
            case let error as TokenRefreshError: error.retryAfter
            case AuthKitError.keysUnavailable(_, let retryAfter): retryAfter
            default: nil as Duration?
            }
        let seconds = max(1, ((wait ?? .seconds(1)) / .seconds(1)).rounded(.up))
        return Response(
            status: .serviceUnavailable,
            headers: [.retryAfter: "\(Int(seconds))", .cacheControl: "no-store"])
    }
}

extension TokenRefreshError {
    /// Whether the user has to sign in again. That the client is refused says nothing about the session.
    var endsSession: Bool { self.class == .terminal && reason != .invalidClient }
}
