import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import WorkOSEmulator

/// A clock that stands still until a test moves it.
final class ManualTime: TimeSource {
    private let now = Mutex(Duration.seconds(1_000))
    var elapsed: Duration { now.withLock { $0 } }
    var date: Date { Date() }
    func advance(by duration: Duration) { now.withLock { $0 += duration } }
}

/// A running emulator and a client for it.
struct TestEmulator: Sendable {
    let port: Int
    let time: ManualTime
    let group: ServiceGroup

    // Making a key takes a tenth of a second; one serves all tests.
    private static let signer = Task { try await AccessTokenSigner(parallel: 2) }

    /// Runs `body` against an emulator of its own, without limits unless `change` sets them, and stops it.
    static func run(
        eventCapacity: Int = 65_536, _ change: (inout EmulatorSettings) -> Void = { _ in },
        body: @escaping @Sendable (TestEmulator) async throws -> Void
    ) async throws {
        var configuration = Emulator.Configuration()
        configuration.settings.userLimit = nil
        configuration.settings.environmentLimit = nil
        change(&configuration.settings)
        let (urls, ready) = AsyncStream.makeStream(of: String.self)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let time = ManualTime()
        let emulator = Emulator(
            configuration: configuration, logger: logger, time: time, eventCapacity: eventCapacity,
            signer: try await signer.value
        ) { ready.yield($0) }
        let group = ServiceGroup(services: [emulator], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { ready.finish() }
                try await group.run()
            }
            var iterator = urls.makeAsyncIterator()
            let url = try #require(await iterator.next())
            let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(TestEmulator(port: port, time: time, group: group)))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    /// The bytes of a request.
    static func request(
        _ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:]
    ) -> String {
        let more = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        return "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(more)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Sends one request on a connection of its own.
    func send(
        _ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:]
    ) async throws -> HTTPReply {
        try await blocking {
            let connection = try RawConnection(port: port)
            try connection.send(Self.request(method, path, body, headers: headers))
            return try HTTPReader(connection).reply()
        }
    }

    /// The bytes of a request to refresh.
    static func refreshRequest(_ token: String, organization: String? = nil) -> String {
        request("POST", "/user_management/authenticate", refreshBody(token, organization: organization))
    }

    static func refreshBody(_ token: String, organization: String? = nil) -> String {
        let more = organization.map { ",\"organization_id\":\"\($0)\"" } ?? ""
        return
            "{\"grant_type\":\"refresh_token\",\"client_id\":\"client_1\",\"refresh_token\":\"\(token)\"\(more)}"
    }

    /// Refreshes once.
    func refresh(_ token: String, organization: String? = nil) async throws -> HTTPReply {
        try await send(
            "POST", "/user_management/authenticate", Self.refreshBody(token, organization: organization))
    }

    /// A new session's token.
    func signIn(_ body: String = "") async throws -> String {
        let reply = try await send("POST", "/_emulator/sessions", body)
        #expect(reply.status == 200)
        return try #require(reply["refresh_token"]?.text)
    }

    /// Sets faults.
    func fault(_ faults: String) async throws {
        let reply = try await send("POST", "/_emulator/faults", faults)
        try #require(reply.status == 200, "\(reply.json)")
    }

    /// A number of `GET /_emulator/stats`, of all calls or one token.
    func count(_ name: String, of token: String? = nil) async throws -> Int? {
        let query = token.map { "?token_hash=\(TokenHash(of: $0).text)" } ?? ""
        return try await send("GET", "/_emulator/stats\(query)")[name]?.int
    }

    /// Waits for an event of a kind about a token, from the beginning of time.
    @discardableResult
    func event(_ kind: EmulatorEvent.Kind, about token: String) async throws -> JSONValue {
        let hash = TokenHash(of: token).text
        return try await blocking {
            let connection = try RawConnection(port: port)
            try connection.send(Self.request("GET", "/_emulator/events?since=0"))
            let reader = HTTPReader(connection)
            _ = try reader.head()
            while let chunk = try reader.chunk() {
                for line in chunk.split(separator: UInt8(ascii: "\n")) {
                    let event = JSONText.parse(line) ?? .null
                    if event["event"]?.text == kind.rawValue, event["token_hash"]?.text == hash {
                        return event
                    }
                }
            }
            throw RawConnection.Failure.closed
        }
    }
}
