import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import refreshd

/// When a slow client's connection ends, on a clock that the test moves.
@Suite struct ClientPatienceTests {
    private let limits = ServerLimits()

    private func connection() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: ClientPatience(limits))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/a")).wait()
        return channel
    }

    private static let head = HTTPServerRequestPart.head(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/"))
    private static let piece = HTTPServerRequestPart.body(ByteBuffer(string: "a"))

    @Test func aHeadMustBeWholeInTime() throws {
        let channel = try connection()
        channel.embeddedEventLoop.advanceTime(by: limits.headTimeout - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    @Test func theNextPieceMustComeInTimeWhileItIsAskedFor() throws {
        let channel = try connection()
        try channel.writeInbound(Self.head)
        // Nobody asks: the upstream is slow, and the client not to blame.
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        channel.read()
        channel.embeddedEventLoop.advanceTime(by: limits.bodyTimeout - .nanoseconds(1))
        try channel.writeInbound(Self.piece)
        channel.read()
        channel.embeddedEventLoop.advanceTime(by: limits.bodyTimeout - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    @Test func anAnswerMayTakeAsLongAsItTakes() throws {
        let channel = try connection()
        try channel.writeInbound(Self.head)
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.read()
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: limits.headTimeout)
        #expect(!channel.isActive)
    }

    @Test func anAnswerMustBeTaken() throws {
        let channel = try connection()
        try channel.writeInbound(Self.head)
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.advanceTime(by: limits.writeTimeout - .nanoseconds(1))
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.advanceTime(by: limits.writeTimeout)
        #expect(!channel.isActive)
    }
}
