import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import refreshd

/// A stop between a connection's acceptance and its service. Without it the process ends in these tests.
@Suite(.timeLimit(.minutes(1))) struct AcceptedConnectionTests {
    private func accepted(_ channel: NIOAsyncTestingChannel) async throws -> AcceptedConnection {
        let made = try await channel.testingEventLoop.executeInContext {
            AcceptedConnection(try HTTPConnection.Parts(wrappingChannelSynchronously: channel))
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80))
        return made
    }

    @Test func whatNobodyServesIsClosed() async throws {
        let channel = NIOAsyncTestingChannel()
        _ = try await accepted(channel)
        try await channel.closeFuture.get()
        #expect(!channel.isActive)
    }

    @Test func whatIsTakenStaysOpen() async throws {
        let channel = NIOAsyncTestingChannel()
        let parts = try await accepted(channel).take()
        #expect(channel.isActive)
        try await parts.executeThenClose { _, _ in }
        try await channel.closeFuture.get()
    }
}
