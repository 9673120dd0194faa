import AuthKit
import Foundation
import LeaseTable
import Logging
import RefreshClient
import Synchronization
import WorkOS

/// Clocks that stand still until a test moves them.
final class ManualTime: Sendable {
    static let start = 1_700_000_000
    private let moved = Mutex(Duration.zero)

    func advance(by duration: Duration) { moved.withLock { $0 += duration } }

    var source: TimeSource {
        TimeSource(
            date: { Date(timeIntervalSince1970: Double(Self.start) + self.moved.withLock { $0 } / .seconds(1)) },
            elapsed: { .seconds(50) + self.moved.withLock { $0 } })
    }
}

/// Answers fetches of the key set as a test decides, and counts them.
final class KeySetScript: Sendable {
    private let state: Mutex<(answer: @Sendable () async throws -> [UInt8], count: Int)>

    init(_ answer: @escaping @Sendable () async throws -> [UInt8]) { state = Mutex((answer, 0)) }

    var count: Int { state.withLock { $0.count } }

    func answer(_ answer: @escaping @Sendable () async throws -> [UInt8]) { state.withLock { $0.answer = answer } }

    func fetch() async throws -> [UInt8] {
        let answer = state.withLock { state in
            state.count += 1
            return state.answer
        }
        return try await answer()
    }
}

/// An upstream that answers as a test decides, and keeps what it was asked.
final class UpstreamScript: Upstream {
    let endpoint = "https://upstream.test"
    let clientID = "client_test"
    private let received = Mutex<[UpstreamRequest]>([])
    private let answer: @Sendable (UpstreamRequest) -> UpstreamAnswer

    init(_ answer: @escaping @Sendable (UpstreamRequest) -> UpstreamAnswer) { self.answer = answer }

    var requests: [UpstreamRequest] { received.withLock { $0 } }

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        received.withLock { $0.append(request) }
        return answer(request)
    }

    static func success(_ accessToken: String, _ more: String = "") -> UpstreamAnswer {
        .success(
            UpstreamSuccess(body: Array(#"{"access_token":"\#(accessToken)","refresh_token":"rt-2"\#(more)}"#.utf8)))
    }
}

/// One core with its clocks, keys and upstream, on a lease table of its own.
final class TestWorld: Sendable {
    let time = ManualTime()
    let keys: KeySetScript
    let upstream: UpstreamScript
    let core: AuthKitCore
    private let directory: String

    init(
        keys: @escaping @Sendable () async throws -> [UInt8],
        _ change: (inout AuthKitConfiguration) -> Void = { _ in },
        upstream: @escaping @Sendable (UpstreamRequest) -> UpstreamAnswer
    ) throws {
        directory = "/dev/shm/authkit-test-\(UUID().uuidString)"
        let script = KeySetScript(keys)
        self.keys = script
        self.upstream = UpstreamScript(upstream)
        var configuration = AuthKitConfiguration()
        configuration.logger.logLevel = .critical
        change(&configuration)
        core = AuthKitCore(
            client: try RefreshClient(
                upstream: self.upstream, configuration: Self.refreshConfiguration(directory)),
            configuration: configuration, time: time.source
        ) { try await script.fetch() }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    static func refreshConfiguration(_ directory: String) -> RefreshConfiguration {
        var configuration = RefreshConfiguration(directory: directory)
        configuration.mapSize = 16 << 20
        configuration.publishReserve = 1 << 20
        configuration.logger.logLevel = .critical
        return configuration
    }

    /// Claims of a token that lives five more minutes than `age`.
    static func claims(_ more: [String: Any] = [:], lives seconds: Int = 300) -> [String: Any] {
        var claims: [String: Any] = [
            "iss": "https://issuer.test", "sub": "user_1", "sid": "session_1", "iat": ManualTime.start,
            "exp": ManualTime.start + seconds,
        ]
        claims.merge(more) { _, given in given }
        return claims
    }

    func session(_ accessToken: String) -> AuthKitSession {
        AuthKitSession(accessToken: accessToken, refreshToken: "rt-1", user: .object(["id": .string("user_1")]))
    }
}
