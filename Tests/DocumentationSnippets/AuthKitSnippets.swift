// Every piece of code in the articles of AuthKit, compiled. scripts/check-snippets compares the two.
import AuthKit
import AuthKitMiddleware
import Hummingbird
import RefreshClient
import WorkOS

func keep(_ session: AuthKitSession) {}
func log(_ text: String) {}

func makeCore(apiKey: String) throws -> AuthKitCore {
    let core = try AuthKitCore(
        workOS: WorkOSConfiguration(clientID: "client_123", apiKey: apiKey))
    return core
}

func validating(core: AuthKitCore, session: AuthKitSession) async throws {
    let validated = try await core.validateAndRefresh(session)
    if validated.isRefreshed {
        keep(validated.session)
    }
    let user = validated.claims?.userID
    print(user ?? "")

    let switched = try await core.validateAndRefresh(session, force: true, organizationID: "org_456")
    print(switched)

    switch validated.verification {
    case .verified: break
    case .unverified(let reason): log("not verified: \(reason)")
    }

    do {
        _ = try await core.validateAndRefresh(session)
    } catch let error as TokenRefreshError where error.isRetryable {
        answer(status: 503, retryAfter: error.retryAfter ?? .seconds(1))
    } catch AuthKitError.keysUnavailable(_, let retryAfter) {
        // Nothing was refreshed, and nothing is lost.
        answer(status: 503, retryAfter: retryAfter)
    } catch let error as TokenRefreshError where error.reason != .invalidClient {
        signOut()
    }
}

func sealing(secret: String, session: AuthKitSession) throws {
    let key = try SessionKey(base64: secret)
    let sealer = SessionSealer(key: key, purpose: "wos-session")
    let text = try sealer.seal(session)
    let (opened, _) = try sealer.unseal(text)
    print(opened)
}

func changing(newKey: SessionKey, oldKey: SessionKey) -> SessionSealer {
    let sealer = SessionSealer(key: newKey, retiredKeys: [oldKey], purpose: "wos-session")
    return sealer
}

struct PageContext: AuthKitRequestContext {
    var coreContext: CoreRequestContextStorage
    var authKit = AuthKitState.signedOut

    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}

func serving(router: Router<PageContext>, core: AuthKitCore, key: SessionKey) throws {
    let cookies = try SessionCookies(key: key)
    router.add(middleware: AuthKitMiddleware(core: core, cookies: cookies, onTransientFailure: .refuse))
    router.get("me") { _, context in
        guard let session = context.authKit.session else { throw HTTPError(.unauthorized) }
        return session.claims?.userID ?? "somebody"
    }
}
