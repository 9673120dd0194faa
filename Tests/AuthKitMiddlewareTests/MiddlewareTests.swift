import AuthKit
import AuthKitTestSupport
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import RefreshClient
import Synchronization
import Testing
import WorkOS

@testable import AuthKitMiddleware

struct TestContext: AuthKitRequestContext {
    var coreContext: CoreRequestContextStorage
    var authKit = AuthKitState.signedOut

    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}

/// A server with the middleware, and the cookies of a browser that talks to it.
struct MiddlewareTests {
    private let key = SessionKey.random()
    private let expired = AuthKitSession(
        accessToken: "expired", refreshToken: "rt-1", user: .object(["id": .string("user_1")]))

    /// Serves `/` with what is known of the session, and others that do what their names say.
    private func withServer(
        _ world: TestWorld, policy: TransientFailurePolicy = .refuse,
        configuration: SessionCookieConfiguration = SessionCookieConfiguration(), retiredKeys: [SessionKey] = [],
        outer: ErrorWatcher? = nil,
        _ body: @escaping @Sendable (any TestClientProtocol, SessionCookies) async throws -> Void
    ) async throws {
        let cookies = try SessionCookies(key: key, retiredKeys: retiredKeys, configuration: configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let router = Router(context: TestContext.self)
        if let outer { router.add(middleware: outer) }
        router.add(
            middleware: AuthKitMiddleware(
                core: world.core, cookies: cookies, onTransientFailure: policy,
                endUser: { EndUser(userAgent: $0.headers[.userAgent]) }, logger: logger))
        router.get("/") { _, context in
            switch context.authKit {
            case .signedOut: "signed out"
            case .signedIn(let session): "signed in \(session.session.accessToken) \(session.isRefreshed)"
            case .ended(let error): "ended \(error.reason.rawValue)"
            case .unavailable(let session, _): "unavailable \(session.refreshToken)"
            }
        }
        router.get("/missing") { _, _ -> String in throw HTTPError(.notFound, message: "nothing here") }
        router.get("/broken") { _, _ -> String in throw KeySetFailure("a bug") }
        router.get("/cached") { _, _ in Response(status: .ok, headers: [.cacheControl: "private"]) }
        router.get("/sign-in") { _, _ in
            var response = Response(status: .ok)
            try cookies.keep(
                AuthKitSession(accessToken: "signed-in", refreshToken: "rt-signed-in"), in: &response.headers)
            return response
        }
        router.get("/sign-out") { _, _ in
            var response = Response(status: .ok)
            cookies.forget(in: &response.headers)
            return response
        }
        let app = Application(router: router, logger: logger)
        try await app.test(.router) { client in try await body(client, cookies) }
    }

    private func cookie(_ session: AuthKitSession, _ cookies: SessionCookies) throws -> HTTPFields {
        [.cookie: try cookies.setting(session).map { String($0.prefix { $0 != ";" }) }.joined(separator: "; ")]
    }

    private func refusing(_ reason: FailureReason, _ class: UpstreamFailure.Class, after milliseconds: Int64? = nil)
        throws -> TestWorld
    {
        try TestWorld(keys: { throw KeySetFailure("none") }) { _ in
            .failure(
                UpstreamFailure(
                    class: `class`, reason: reason, status: 400, retryAfterMilliseconds: milliseconds, detail: "no"))
        }
    }

    private func refreshing(to token: String = "new") throws -> TestWorld {
        try TestWorld(keys: { throw KeySetFailure("none") }) { _ in UpstreamScript.success(token) }
    }

    @Test func `without a cookie, the request is signed out and nothing is set`() async throws {
        try await withServer(try refreshing()) { client, _ in
            for fields: HTTPFields in [[:], [.cookie: "other=1; wos-session=garbage"], [.cookie: "wos-session"]] {
                try await client.execute(uri: "/", method: .get, headers: fields) { response in
                    #expect(String(buffer: response.body) == "signed out")
                    #expect(response.headers[.setCookie] == nil)
                    #expect(response.headers[.cacheControl] == nil)
                }
            }
        }
    }

    @Test func `a valid session is served as it is`() async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let world = try TestWorld(keys: { set }) { _ in UpstreamScript.success("new") }
        let token = try await issuer.token(TestWorld.claims())
        try await withServer(world) { client, cookies in
            let fields = try cookie(AuthKitSession(accessToken: token, refreshToken: "rt"), cookies)
            try await client.execute(uri: "/", method: .get, headers: fields) { response in
                #expect(String(buffer: response.body) == "signed in \(token) false")
                #expect(response.headers[.setCookie] == nil)
            }
        }
        #expect(world.upstream.requests.isEmpty)
    }

    @Test func `an expired session is refreshed, and its cookie is set with every attribute`() async throws {
        let world = try refreshing()
        try await withServer(world) { client, cookies in
            var fields = try cookie(expired, cookies)
            fields[.userAgent] = "a browser"
            try await client.execute(uri: "/", method: .get, headers: fields) { response in
                #expect(response.status == .ok)
                #expect(String(buffer: response.body) == "signed in new true")
                #expect(response.headers[.cacheControl] == "no-store")
                let set = response.headers[values: .setCookie]
                #expect(set.count == 1)
                let value = try #require(set.first)
                #expect(value.hasPrefix("wos-session=1."))
                #expect(value.hasSuffix("; Max-Age=34560000; Path=/; Secure; HttpOnly; SameSite=Lax"))
                let found = cookies.find(in: [String(value.prefix { $0 != ";" })])
                #expect(found.session?.accessToken == "new")
                #expect(found.session?.refreshToken == "rt-2")
            }
        }
        #expect(world.upstream.requests.map(\.endUser.userAgent) == ["a browser"])
    }

    @Test func `a dozen requests at once: one call, one cookie`() async throws {
        let world = try refreshing()
        try await withServer(world) { client, cookies in
            let fields = try cookie(expired, cookies)
            let set = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await client.execute(uri: "/", method: .get, headers: fields) { response in
                            #expect(response.status == .ok)
                            return response.headers[values: .setCookie]
                        }
                    }
                }
                var set: Set<[String]> = []
                for try await one in group { set.insert(one) }
                return set
            }
            #expect(set.count == 1)
        }
        #expect(world.upstream.requests.count == 1)
    }

    @Test(arguments: [("/missing", 404, "nothing here"), ("/broken", 500, "")])
    func `a handler that throws does not cost the new session`(path: String, status: Int, text: String) async throws {
        try await withServer(try refreshing()) { client, cookies in
            let fields = try cookie(expired, cookies)
            try await client.execute(uri: path, method: .get, headers: fields) { response in
                #expect(response.status.code == status)
                #expect(String(buffer: response.body).contains(text))
                let set = response.headers[values: .setCookie].map { String($0.prefix { $0 != ";" }) }
                #expect(cookies.find(in: set).session?.refreshToken == "rt-2")
            }
        }
    }

    private final class Seen: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock { $0 } }
        func append(_ one: String) { kept.withLock { $0.append(one) } }
    }

    /// What a middleware outside of ours sees of a handler's error.
    private struct ErrorWatcher: RouterMiddleware {
        let seen: Seen

        func handle(
            _ request: Request, context: TestContext, next: (Request, TestContext) async throws -> Response
        ) async throws -> Response {
            do {
                return try await next(request, context)
            } catch let error as HTTPError {
                seen.append("HTTPError \(error.status.code)")
                throw error
            } catch let error as KeySetFailure {
                seen.append("KeySetFailure")
                throw error
            } catch let error as AuthKitHandlerError {
                seen.append("AuthKitHandlerError of \(type(of: error.underlying)): \(error)")
                throw error
            }
        }
    }

    @Test(arguments: [
        ("/missing", "HTTPError 404", "HTTPError 404"),
        ("/broken", "KeySetFailure", "AuthKitHandlerError of KeySetFailure: \(KeySetFailure("a bug"))"),
    ])
    func `an outer middleware sees what a handler threw`(path: String, unrefreshed: String, refreshed: String)
        async throws
    {
        let seen = Seen()
        try await withServer(try refreshing(), outer: ErrorWatcher(seen: seen)) { client, cookies in
            try await client.execute(uri: path, method: .get) { _ in }
            try await client.execute(uri: path, method: .get, headers: try cookie(expired, cookies)) { response in
                #expect(response.headers[values: .setCookie].count == 1)
            }
        }
        #expect(seen.all == [unrefreshed, refreshed])
    }

    @Test(arguments: [FailureReason.invalidGrant, .mfaEnrollment, .ssoRequired])
    func `a session that the upstream ended is cleared`(reason: FailureReason) async throws {
        for policy in TransientFailurePolicy.allCases {
            try await withServer(try refusing(reason, .terminal), policy: policy) { client, cookies in
                try await client.execute(uri: "/", method: .get, headers: try cookie(expired, cookies)) { response in
                    #expect(response.status == .ok)
                    #expect(String(buffer: response.body) == "ended \(reason.rawValue)")
                    #expect(
                        response.headers[values: .setCookie]
                            == ["wos-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"])
                }
            }
        }
    }

    @Test func `a transient failure keeps the session: 503 with Retry-After`() async throws {
        for (milliseconds, seconds) in [(nil, "1"), (Int64(2500), "3")] {
            try await withServer(try refusing(.serverError, .transient, after: milliseconds)) { client, cookies in
                try await client.execute(uri: "/", method: .get, headers: try cookie(expired, cookies)) { response in
                    #expect(response.status == .serviceUnavailable)
                    #expect(response.headers[.retryAfter] == seconds)
                    #expect(response.headers[.setCookie] == nil)
                }
            }
        }
    }

    @Test func `a transient failure keeps the session: served, where told to`() async throws {
        try await withServer(try refusing(.networkError, .transient), policy: .serve) { client, cookies in
            try await client.execute(uri: "/", method: .get, headers: try cookie(expired, cookies)) { response in
                #expect(response.status == .ok)
                #expect(String(buffer: response.body) == "unavailable rt-1")
                #expect(response.headers[.setCookie] == nil)
            }
        }
    }

    @Test func `keys that cannot be fetched keep the session`() async throws {
        let issuer = try await TestIssuer.first.value
        let token = try await issuer.token(TestWorld.claims())
        let world = try refreshing()
        try await withServer(world) { client, cookies in
            let fields = try cookie(AuthKitSession(accessToken: token, refreshToken: "rt"), cookies)
            try await client.execute(uri: "/", method: .get, headers: fields) { response in
                #expect(response.status == .serviceUnavailable)
                #expect(response.headers[.retryAfter] == "30")
                #expect(response.headers[.setCookie] == nil)
            }
        }
        #expect(world.upstream.requests.isEmpty)
    }

    @Test func `that the client is refused is not the users' fault: they stay signed in`() async throws {
        try await withServer(try refusing(.invalidClient, .terminal)) { client, cookies in
            try await client.execute(uri: "/", method: .get, headers: try cookie(expired, cookies)) { response in
                #expect(response.status == .serviceUnavailable)
                #expect(response.headers[.setCookie] == nil)
            }
        }
    }

    // Slow response          Response to a refresh         The browser has
    // opens old              opens old, refreshes it       old
    //                        sets new                      new
    // would set old anew                                   old, which is spent
    @Test func `a retired key opens, and the session is sealed anew when it is refreshed, not before`() async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let world = try TestWorld(keys: { set }) { _ in UpstreamScript.success("new") }
        let session = AuthKitSession(accessToken: try await issuer.token(TestWorld.claims()), refreshToken: "rt")
        let old = SessionKey.random()
        try await withServer(world, retiredKeys: [old]) { client, cookies in
            let fields = try cookie(session, try SessionCookies(key: old))
            try await client.execute(uri: "/", method: .get, headers: fields) { response in
                #expect(String(buffer: response.body) == "signed in \(session.accessToken) false")
                #expect(response.headers[values: .setCookie].isEmpty)
            }
            world.time.advance(by: .seconds(300))
            try await client.execute(uri: "/", method: .get, headers: fields) { response in
                #expect(String(buffer: response.body) == "signed in new true")
                let set = response.headers[values: .setCookie].map { String($0.prefix { $0 != ";" }) }
                #expect(cookies.find(in: set).session?.accessToken == "new")
                let withOldKey = try SessionCookies(key: old).find(in: set)
                #expect(withOldKey.session == nil)
            }
        }
        try await withServer(world) { client, cookies in
            let fields = try cookie(session, try SessionCookies(key: old))
            try await client.execute(uri: "/", method: .get, headers: fields) { response in
                #expect(String(buffer: response.body) == "signed out")
            }
        }
    }

    @Test func `what a handler does with the cookie counts`() async throws {
        try await withServer(try refreshing()) { client, cookies in
            let fields = try cookie(expired, cookies)
            try await client.execute(uri: "/sign-in", method: .get, headers: fields) { response in
                let set = response.headers[values: .setCookie].map { String($0.prefix { $0 != ";" }) }
                #expect(cookies.find(in: set).session?.accessToken == "signed-in")
                #expect(set.count { $0.hasPrefix("wos-session=") } == 1)
            }
            try await client.execute(uri: "/sign-out", method: .get, headers: fields) { response in
                #expect(response.headers[values: .setCookie].allSatisfy { $0.contains("=; Max-Age=0") })
            }
            try await client.execute(uri: "/cached", method: .get, headers: fields) { response in
                #expect(response.headers[.cacheControl] == "private")
            }
        }
    }
}
