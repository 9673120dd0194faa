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

    /// An answer may be over before the body that it refuses: then the client's turn begins when that ends.
    @Test func anEarlyAnswerLeavesNoConnectionIdleForEver() throws {
        let channel = try connection()
        try channel.writeInbound(Self.head)
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        channel.read()
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: limits.headTimeout - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    /// Two requests at once: the end of the first answer is no turn of the client's.
    @Test func theSecondOfTwoAnswersMayTakeAsLongAsItTakes() throws {
        let channel = try connection()
        for _ in 0..<2 {
            try channel.writeInbound(Self.head)
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
        }
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: limits.headTimeout)
        #expect(!channel.isActive)
    }

    /// What comes after it, no parser reads: it would be kept for nobody.
    @Test(
        arguments: [
            (.GET, ["Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"]), (.CONNECT, [:]),
        ] as [(HTTPMethod, HTTPHeaders)])
    func nothingIsReadAfterARequestToLeaveHTTP(method: HTTPMethod, headers: HTTPHeaders) throws {
        let reads = CountedReads()
        let channel = EmbeddedChannel(handlers: [reads, ClientPatience(limits)])
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/a")).wait()
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: "/", headers: headers)
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        let before = reads.count
        channel.read()
        #expect(reads.count == before + 1)
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.read()
        #expect(reads.count == before + 1)
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

/// Counts how often the connection is read from.
private final class CountedReads: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart

    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
