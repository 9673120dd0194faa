import Foundation
import LeaseTable
import Logging
import ProcessSupport
import RefreshClient
import Testing

/// All suites of this target run one after another: they measure how late callers are.
@Suite(.serialized) struct ClientTests {}

/// A fresh directory in shared memory, removed at the end.
final class Setting: Sendable {
    /// What is removed; the table lies in it.
    let parent: String
    let directory: String

    init() throws {
        parent = "/dev/shm/refreshd-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: parent, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        directory = parent + "/table"
    }

    deinit { Self.remove(parent) }

    static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Short times, a small map.
    func configuration(_ change: (inout RefreshConfiguration) -> Void = { _ in }) -> RefreshConfiguration {
        var configuration = RefreshConfiguration(directory: directory)
        configuration.mapSize = 16 << 20
        configuration.publishReserve = 1 << 20
        configuration.shortestRetryPause = .milliseconds(50)
        configuration.defaultRetryPause = .milliseconds(60)
        configuration.longestRetryPause = .milliseconds(300)
        configuration.callerDeadline = .seconds(10)
        configuration.logger.logLevel = .critical
        change(&configuration)
        return configuration
    }

    func client(_ upstream: any Upstream, _ change: (inout RefreshConfiguration) -> Void = { _ in }) throws
        -> RefreshClient
    {
        try RefreshClient(upstream: upstream, configuration: configuration(change))
    }

    /// The table itself, as another process would have it.
    func table(_ change: (inout RefreshConfiguration) -> Void = { _ in }) throws -> LeaseTable {
        let configuration = configuration(change)
        return try LeaseTable(configuration, in: .choose(named: directory), deadline: soon())
    }

    func key(_ token: String, _ upstream: any Upstream, organization: String? = nil) throws -> KeyMaterial {
        try KeyMaterial(
            KeyParts(
                endpoint: upstream.endpoint, clientID: upstream.clientID, refreshToken: token,
                organizationID: organization))
    }
}

func soon(_ duration: Duration = .seconds(10)) -> MonotonicInstant { .now().advanced(by: duration) }

typealias Outcome = Result<RefreshResult, TokenRefreshError>

extension RefreshClient {
    func outcome(_ request: RefreshRequest, deadline: Duration? = nil) -> Outcome {
        Result { () throws(TokenRefreshError) in try refresh(request, deadline: deadline) }
    }

    func outcome(_ token: String, deadline: Duration? = nil) -> Outcome {
        outcome(RefreshRequest(refreshToken: token), deadline: deadline)
    }

    /// On a thread of its own.
    func inBackground(_ request: RefreshRequest, deadline: Duration? = nil) throws -> Background<Outcome> {
        try Background { self.outcome(request, deadline: deadline) }
    }

    func inBackground(_ token: String, deadline: Duration? = nil) throws -> Background<Outcome> {
        try inBackground(RefreshRequest(refreshToken: token), deadline: deadline)
    }
}

extension Result where Failure == TokenRefreshError {
    var error: TokenRefreshError? {
        if case .failure(let error) = self { error } else { nil }
    }
}

extension Result where Success == RefreshResult, Failure == TokenRefreshError {
    var body: [UInt8]? { try? get().body }
}

/// How long `body` took.
func took(_ body: () throws -> Void) rethrows -> Duration {
    let began = MonotonicInstant.now()
    try body()
    return began.duration(to: .now())
}

/// Looks again and again until it is so; for what only a look can tell.
func eventually(limit: Duration = .seconds(10), _ isSo: () throws -> Bool) rethrows -> Bool {
    let end = MonotonicInstant.now().advanced(by: limit)
    while try !isSo() {
        if MonotonicInstant.now() >= end { return false }
        pause(for: .milliseconds(1))
    }
    return true
}
