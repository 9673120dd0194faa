package import AuthKit
import Foundation
import LeaseTable
import Logging
package import RefreshClient
import WorkOS

/// One core with its clocks, keys and upstream, on a lease table of its own.
package final class TestWorld: Sendable {
    package let time = ManualTime()
    package let keys: KeySetScript
    package let upstream: UpstreamScript
    package let core: AuthKitCore
    private let directory: String

    package init(
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

    /// Claims of a token issued at ``ManualTime/start``, which lives five minutes from then where nothing else is said.
    package static func claims(_ more: [String: Any] = [:], lives seconds: Int = 300) -> [String: Any] {
        var claims: [String: Any] = [
            "iss": "https://issuer.test", "sub": "user_1", "sid": "session_1", "iat": ManualTime.start,
            "exp": ManualTime.start + seconds,
        ]
        claims.merge(more) { _, given in given }
        return claims
    }

    package func session(_ accessToken: String) -> AuthKitSession {
        AuthKitSession(accessToken: accessToken, refreshToken: "rt-1", user: .object(["id": .string("user_1")]))
    }
}
