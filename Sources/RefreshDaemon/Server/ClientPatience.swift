import NIOCore
import NIOHTTP1

/// Ends connections whose client is too slow: with a head, with the next piece of a body, with taking an answer.
///
/// Stands between the HTTP codec and the server; lives on the connection's event loop.
final class ClientPatience: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let limits: ServerLimits
    private var isInBody = false
    /// Requests that came and are not answered to the end: a client may send the next ones before.
    private var outstanding = 0
    /// Whether no other request can follow.
    private var isLast = false
    private var readTimer: Scheduled<Void>?
    private var writeTimer: Scheduled<Void>?

    init(_ limits: ServerLimits) {
        self.limits = limits
    }

    func channelActive(context: ChannelHandlerContext) {
        readTimer = expiry(limits.headTimeout, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        readTimer?.cancel()
        writeTimer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        readTimer?.cancel()
        readTimer = nil
        switch unwrapInboundIn(data) {
        case .head(let head):
            outstanding += 1
            isInBody = true
            isLast = head.mayLeaveHTTP
        case .body: break
        case .end:
            isInBody = false
            awaitHead(context)
        }
        context.fireChannelRead(data)
    }

    /// A body is late only while it is asked for: where the upstream is slow, the client is not read from.
    ///
    /// After a last request nothing is read, for what came would be kept, and by nobody taken.
    func read(context: ChannelHandlerContext) {
        if isLast, !isInBody { return }
        if isInBody, readTimer == nil { readTimer = expiry(limits.bodyTimeout, context) }
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            outstanding -= 1
            awaitHead(context)
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeTimer?.cancel()
        writeTimer = context.channel.isWritable ? nil : expiry(limits.writeTimeout, context)
        context.fireChannelWritabilityChanged()
    }

    /// The client's turn begins when all it asked is answered and all it had to send has come, in either order.
    private func awaitHead(_ context: ChannelHandlerContext) {
        if outstanding == 0, !isInBody, readTimer == nil { readTimer = expiry(limits.headTimeout, context) }
    }

    private func expiry(_ time: TimeAmount, _ context: ChannelHandlerContext) -> Scheduled<Void> {
        context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }
}
