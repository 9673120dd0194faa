import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

@testable import refreshd

/// The server in the process of the test, on a loopback port, with limits that a test can wait for.
struct ServerUnderTest {
    /// Bytes as they come and go.
    typealias Bytes = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private let port: Int
    private let group: ServiceGroup

    /// Serves while `body` runs, and until it has stopped.
    static func serving(
        _ responder: any Responder, _ limits: ServerLimits = ServerLimits(), draining: Draining = Draining(),
        _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0), access: ListeningSocket.Access())
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = HTTPServer(
            sockets: [socket], limits: limits, responder: responder, draining: draining, logger: silent,
            onReady: { isReady.finish() })
        let group = ServiceGroup(configuration: .init(services: [server], logger: silent))
        guard case .tcp(_, let port) = try ListenAddress(socket.name) else { return }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await _ in ready {}
            try await body(ServerUnderTest(port: port, group: group))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// Begins a stop.
    func stop() async { await group.triggerGracefulShutdown() }

    /// Connects, and sends `text`; what is read is left to `body`.
    func converse(
        _ text: String,
        _ body: (
            inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, NIOAsyncChannelOutboundWriter<ByteBuffer>
        )
            async throws -> Void
    ) async throws {
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try Bytes(wrappingChannelSynchronously: channel) }
            }
        try await client.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var iterator = inbound.makeAsyncIterator()
            try await body(&iterator, outbound)
        }
    }
}

extension NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator {
    /// Everything up to the end; a reset is one, too.
    mutating func rest() async -> String {
        var text = ""
        while let piece = try? await next() { text += String(buffer: piece) }
        return text
    }
}
