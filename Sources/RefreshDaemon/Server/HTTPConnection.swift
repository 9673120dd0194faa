import AsyncAlgorithms
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// One client's connection: its requests one after another.
struct HTTPConnection: Sendable {
    typealias Parts = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    /// How much of a body is read on after it was answered already, in bytes. 1 MiB: a client that still sends sees its
    /// answer instead of a reset.
    private static let discarded = 1 << 20

    let responder: any Responder
    let draining: Draining
    let logger: Logger

    /// Serves until either side closes.
    func serve(_ parts: Parts) async {
        guard draining.enter(parts.channel) else {
            try? await parts.executeThenClose { _, _ in }
            return
        }
        defer { draining.leave(parts.channel) }
        let peer = await Peer.of(parts.channel)
        logger.trace("connected", metadata: ["peer": "\(peer)"])
        let current = CurrentRequest()
        parts.channel.closeFuture.whenComplete { _ in current.cancel() }
        do {
            try await parts.executeThenClose { inbound, outbound in
                var iterator = inbound.makeAsyncIterator()
                while let part = try await iterator.next(), case .head(let head) = part {
                    guard draining.mark(parts.channel, idle: false) else { return }
                    let mayGoOn = try await answer(
                        head, from: peer, reading: &iterator, writing: outbound, as: current)
                    guard mayGoOn, draining.mark(parts.channel, idle: true) else { return }
                }
            }
        } catch {
            // The client left, or was slow, or sent what is not HTTP, which the protocol handler has answered.
            logger.trace("connection ended", metadata: ["peer": "\(peer)", "error": "\(error)"])
        }
    }

    /// Answers one request while its body comes in; whether the connection can take another.
    private func answer(
        _ head: HTTPRequestHead, from peer: Peer,
        reading iterator: inout NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator,
        writing outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, as current: CurrentRequest
    ) async throws -> Bool {
        let keepsAlive = head.isKeepAlive && head.version == .http1_1 && !draining.hasBegun
        let writer = AnswerWriter(outbound: outbound, request: head, keepsAlive: keepsAlive)
        guard let length = ClientRequest.length(head) else {
            try await writer.write(.error(.badRequest, "invalid_request", "The body's length is ambiguous."))
            return false
        }
        current.prepare()
        let request = ClientRequest(head: head, length: length, body: AsyncThrowingChannel(), peer: peer)
        let task = Task { [responder] in
            // What is still read of the body finds nobody.
            defer {
                current.answered()
                request.body.finish()
            }
            try await responder.respond(to: request, with: writer)
        }
        current.begin(task)
        defer { current.end() }
        do {
            let isWhole = try await pump(&iterator, into: request.body, until: current)
            try await task.value
            return keepsAlive && isWhole
        } catch {
            request.body.fail(error)
            // A refresh goes on to its end.
            task.cancel()
            _ = await task.result
            throw error
        }
    }

    /// Hands the body over, piece by piece as it is asked for; whether all of it came.
    private func pump(
        _ iterator: inout NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator,
        into body: AsyncThrowingChannel<ByteBuffer, any Error>, until current: CurrentRequest
    ) async throws -> Bool {
        var discarded = 0
        while let part = try await iterator.next() {
            switch part {
            case .head: return false
            case .body(let piece):
                // Returns at once where nobody reads any more.
                await body.send(piece)
                if current.hasAnswered {
                    discarded += piece.readableBytes
                    if discarded > Self.discarded { return false }
                }
            case .end:
                body.finish()
                return true
            }
        }
        throw ChannelError.inputClosed
    }
}

/// The request that a connection is at. Thread-safe.
private final class CurrentRequest: Sendable {
    private struct State {
        var task: Task<Void, any Error>?
        var isGone = false
        var hasAnswered = false
    }

    private let state = Mutex(State())

    /// Whether the answer is written, although the body may still come.
    var hasAnswered: Bool { state.withLock { $0.hasAnswered } }

    func prepare() { state.withLock { $0.hasAnswered = false } }

    func begin(_ task: Task<Void, any Error>) {
        let isGone = state.withLock { state in
            state.task = task
            return state.isGone
        }
        if isGone { task.cancel() }
    }

    func answered() { state.withLock { $0.hasAnswered = true } }

    func end() { state.withLock { $0.task = nil } }

    /// The client has gone.
    func cancel() {
        let task = state.withLock { state in
            state.isGone = true
            return state.task
        }
        task?.cancel()
    }
}
