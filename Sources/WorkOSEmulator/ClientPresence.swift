import Glibc
import NIOCore

/// Watches one connection for the client's leaving, while the requests on it are being worked on.
///
/// A client that closes its sending half counts as gone: over TCP it cannot be told from one that closed both.
/// Lives on the connection's event loop.
final class ClientPresence: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    /// How a wait ended.
    enum WaitEnd: Sendable {
        /// The time passed, and the client is there.
        case elapsed
        /// The client has gone.
        case gone
        /// The emulator is about to stop.
        case stopping
    }

    private struct Waiter {
        var promise: EventLoopPromise<WaitEnd>
        var timer: Scheduled<Void>?
    }

    private var isGone = false
    private var isStopping = false
    private var waiters: [Int: Waiter] = [:]
    private var lastWaiter = 0

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: leave()
        case is ChannelShouldQuiesceEvent:
            isStopping = true
            resolveAll(.stopping)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is IOError { leave() }
        context.fireErrorCaught(error)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
    }

    private func leave() {
        isGone = true
        resolveAll(.gone)
    }

    private func resolveAll(_ end: WaitEnd) {
        let resolved = waiters.values
        waiters = [:]
        for waiter in resolved {
            waiter.timer?.cancel()
            waiter.promise.succeed(end)
        }
    }

    /// Completes after `time` (never, for `nil`), or before, when the client goes or the emulator stops.
    fileprivate func wait(_ time: TimeAmount?, on eventLoop: any EventLoop) -> EventLoopFuture<WaitEnd> {
        if isGone { return eventLoop.makeSucceededFuture(.gone) }
        if time == .zero { return eventLoop.makeSucceededFuture(.elapsed) }
        if isStopping { return eventLoop.makeSucceededFuture(.stopping) }
        lastWaiter += 1
        let id = lastWaiter
        let promise = eventLoop.makePromise(of: WaitEnd.self)
        let timer = time.map { time in
            eventLoop.assumeIsolated().scheduleTask(in: time) { () -> Void in
                self.waiters.removeValue(forKey: id)?.promise.succeed(.elapsed)
            }
        }
        waiters[id] = Waiter(promise: promise, timer: timer)
        return promise.futureResult
    }
}

extension Channel {
    /// Waits for `time` (for ever, for `nil`), or until the client goes or the emulator stops.
    func waitWhileClientStays(_ time: Duration?) async -> ClientPresence.WaitEnd {
        let amount = time.map { TimeAmount($0) }
        let end = eventLoop.flatSubmit {
            do {
                let presence = try self.pipeline.syncOperations.handler(type: ClientPresence.self)
                return presence.wait(amount, on: self.eventLoop)
            } catch {
                // Handlers leave a pipeline when its channel has closed.
                return self.eventLoop.makeSucceededFuture(.gone)
            }
        }
        return (try? await end.get()) ?? .gone
    }

    /// Closes the connection: in order, or with a TCP reset.
    func end(reset: Bool) async {
        if reset, let options = self as? any SocketOptionProvider {
            // Lingering for no time at all makes close() drop the connection with RST.
            try? await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try? await close().get()
    }
}
