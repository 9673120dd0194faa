import AuthKit
import AuthKitTestSupport
import RefreshClient
import Synchronization
import Testing
import WorkOS

/// When keys are fetched, and what a fetch that fails costs.
@Suite(.timeLimit(.minutes(1))) struct KeySetTests {
    private struct Broken: Error {}

    @Test func `an unknown key is fetched, but not twice within the floor`() async throws {
        let (first, second) = (try await TestIssuer.first.value, try await TestIssuer.second.value)
        let (old, new) = (try TestIssuer.keySet(first), try TestIssuer.keySet(first, second))
        let world = try TestWorld(keys: { old }) { _ in UpstreamScript.success("x") }
        let (known, unknown) = (
            try await first.token(TestWorld.claims()), try await second.token(TestWorld.claims())
        )
        #expect(await world.core.verifyToken(known))
        world.keys.answer { new }
        // The floor counts from the last fetch, whatever made it.
        for _ in 0..<5 { #expect(await world.core.verifyToken(unknown) == false) }
        #expect(world.keys.count == 1)
        world.time.advance(by: .seconds(29))
        #expect(await world.core.verifyToken(unknown) == false)
        #expect(world.keys.count == 1)
        world.time.advance(by: .seconds(1))
        #expect(await world.core.verifyToken(unknown))
        #expect(await world.core.verifyToken(known))
        #expect(world.keys.count == 2)
    }

    /// Another token would name the same key, at the price of the user's ten tries a minute.
    @Test func `a key that may be newer than the key set spends no token within the floor`() async throws {
        let (first, second) = (try await TestIssuer.first.value, try await TestIssuer.second.value)
        let (old, new) = (try TestIssuer.keySet(first), try TestIssuer.keySet(first, second))
        let successor = try await second.token(TestWorld.claims(["iat": ManualTime.start + 20], lives: 900))
        let world = try TestWorld(keys: { old }) { _ in UpstreamScript.success(successor) }
        #expect(await world.core.verifyToken(try await first.token(TestWorld.claims())))
        // The upstream signs with a new key from here on.
        world.keys.answer { new }
        world.time.advance(by: .seconds(10))
        let session = world.session(try await second.token(TestWorld.claims(["iat": ManualTime.start + 10])))
        let error = await #expect(throws: AuthKitError.self) { try await world.core.validateAndRefresh(session) }
        guard case .keysUnavailable(_, .seconds(20))? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(world.upstream.requests.isEmpty)
        // Forced, the new session is kept all the same.
        let forced = try await world.core.validateAndRefresh(session, force: true)
        guard case .unverified(.keysUnavailable) = forced.verification else {
            Issue.record("\(forced.verification)")
            return
        }
        world.time.advance(by: .seconds(20))
        #expect(try await world.core.validateAndRefresh(session).isRefreshed == false)
        #expect(world.keys.count == 2)
    }

    @Test func `a key that has been withdrawn is unknown at once, within the floor too`() async throws {
        let (first, second) = (try await TestIssuer.first.value, try await TestIssuer.second.value)
        let (old, new) = (try TestIssuer.keySet(first), try TestIssuer.keySet(second))
        let successor = try await second.token(TestWorld.claims(lives: 3600))
        let world = try TestWorld(keys: { old }) { _ in UpstreamScript.success(successor) }
        let session = world.session(try await first.token(TestWorld.claims(lives: 3600)))
        #expect(await world.core.verifyToken(session.accessToken))
        world.keys.answer { new }
        world.time.advance(by: .seconds(600))
        #expect(await world.core.verifyToken(successor))
        world.time.advance(by: .seconds(1))
        let validated = try await world.core.validateAndRefresh(session)
        #expect(validated.isRefreshed)
        #expect(validated.verification == .verified)
        #expect(world.keys.count == 2)
    }

    @Test func `keys grow old, and a withdrawn one is refused from then on`() async throws {
        let (first, second) = (try await TestIssuer.first.value, try await TestIssuer.second.value)
        let (old, new) = (try TestIssuer.keySet(first), try TestIssuer.keySet(second))
        let world = try TestWorld(keys: { old }) { _ in UpstreamScript.success("x") }
        let token = try await first.token(TestWorld.claims(lives: 3600))
        #expect(await world.core.verifyToken(token))
        world.keys.answer { new }
        world.time.advance(by: .seconds(599))
        #expect(await world.core.verifyToken(token))
        #expect(world.keys.count == 1)
        world.time.advance(by: .seconds(1))
        #expect(await world.core.verifyToken(token) == false)
        #expect(world.keys.count == 2)
    }

    @Test func `where old keys cannot be fetched again, they serve on`() async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let world = try TestWorld(keys: { set }) { _ in UpstreamScript.success("x") }
        let token = try await issuer.token(TestWorld.claims(lives: 3600))
        #expect(await world.core.verifyToken(token))
        world.keys.answer { throw Broken() }
        world.time.advance(by: .seconds(600))
        for _ in 0..<3 { #expect(await world.core.verifyToken(token)) }
        #expect(world.keys.count == 2)
        world.time.advance(by: .seconds(30))
        #expect(await world.core.verifyToken(token))
        #expect(world.keys.count == 3)
    }

    @Test func `many callers at once share one fetch`() async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let world = try TestWorld(keys: {
            await Task.yield()
            return set
        }) { _ in UpstreamScript.success("x") }
        let token = try await issuer.token(TestWorld.claims())
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await world.core.verifyToken(token) } }
            for await isValid in group { #expect(isValid) }
        }
        #expect(world.keys.count == 1)
    }

    enum Failing: CaseIterable { case throwing, garbage, hanging }

    private static func failing(_ kind: Failing) -> @Sendable () async throws -> [UInt8] {
        switch kind {
        case .throwing: { throw KeySetFailure("refused") }
        case .garbage: { Array("<html>".utf8) }
        case .hanging:
            {
                // Deaf to cancellation, as a fetcher must not be, but may.
                await withCheckedContinuation { hung.withLock { $0 }.append($0) }
                return []
            }
        }
    }

    /// Continuations kept for ever, so that nothing complains that they were lost.
    private final class Hung: Sendable {
        private let kept = Mutex<[CheckedContinuation<Void, Never>]>([])
        func append(_ one: CheckedContinuation<Void, Never>) { kept.withLock { $0.append(one) } }
    }
    private static let hung = Mutex(Hung())

    @Test(arguments: Failing.allCases)
    func `a fetch that fails never costs a session that was just rotated`(kind: Failing) async throws {
        let issuer = try await TestIssuer.first.value
        let fresh = try await issuer.token(TestWorld.claims(["sid": "session_2"]))
        let world = try TestWorld(keys: Self.failing(kind), { $0.keySetTimeout = .milliseconds(50) }) { _ in
            UpstreamScript.success(fresh)
        }
        let expired = world.session(try await issuer.token(TestWorld.claims(lives: -1)))
        let validated = try await world.core.validateAndRefresh(expired)
        #expect(validated.isRefreshed)
        #expect(validated.session.accessToken == fresh)
        #expect(validated.session.refreshToken == "rt-2")
        #expect(validated.claims?.sessionID == "session_2")
        guard case .unverified(.keysUnavailable) = validated.verification else {
            Issue.record("\(validated.verification)")
            return
        }
        #expect(world.keys.count == 1)
    }

    @Test(arguments: Failing.allCases)
    func `a token that cannot be verified is not refreshed: nothing is spent, and it works again later`(
        kind: Failing
    ) async throws {
        let issuer = try await TestIssuer.first.value
        let set = try TestIssuer.keySet(issuer)
        let world = try TestWorld(keys: Self.failing(kind), { $0.keySetTimeout = .milliseconds(50) }) { _ in
            UpstreamScript.success("x")
        }
        let session = world.session(try await issuer.token(TestWorld.claims()))
        let error = await #expect(throws: AuthKitError.self) { try await world.core.validateAndRefresh(session) }
        guard case .keysUnavailable(_, let retryAfter)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(retryAfter == .seconds(30))
        #expect(world.upstream.requests.isEmpty)
        world.keys.answer { set }
        world.time.advance(by: .seconds(30))
        #expect(try await world.core.validateAndRefresh(session).isRefreshed == false)
    }

    @Test func `a new token that nobody vouches for is kept, and said to be so`() async throws {
        let issuer = try await TestIssuer.first.value
        let stranger = try await TestIssuer.second.value
        let set = try TestIssuer.keySet(issuer)
        let cases: [(String, Unverified)] = [
            (try await stranger.token(TestWorld.claims()), .unknownKey),
            (try await stranger.token(TestWorld.claims(), named: "key-1"), .wrongSignature),
            (try await issuer.token(TestWorld.claims(lives: -5)), .expired),
            ("no-token", .notAToken),
        ]
        for (token, reason) in cases {
            let world = try TestWorld(keys: { set }) { _ in UpstreamScript.success(token) }
            let validated = try await world.core.validateAndRefresh(world.session("expired"))
            #expect(validated.session.accessToken == token)
            #expect(validated.verification == .unverified(reason))
        }
    }
}
