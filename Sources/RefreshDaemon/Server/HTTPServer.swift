import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Accepts connections on every socket it is given, and answers HTTP/1.1 on them.
struct HTTPServer: Service {
    let sockets: [ListeningSocket]
    let limits: ServerLimits
    let responder: any Responder
    let draining: Draining
    let logger: Logger
    /// Called once, when all sockets accept.
    let onReady: @Sendable () -> Void

    /// Serves until the service is stopped: no new connection from then on, and an end for the others after the answer
    /// they are at, or when ``ServerLimits/drainTimeout`` is over.
    ///
    /// - Throws: Where a socket cannot be used.
    func run() async throws {
        var listeners: [NIOAsyncChannel<AcceptedConnection, Never>] = []
        for socket in sockets {
            listeners.append(try await listener(on: socket))
            try socket.lengthenQueue()
            logger.notice("listening", metadata: ["address": "\(socket.name)"])
        }
        onReady()
        let channels = listeners.map(\.channel)
        let connection = HTTPConnection(responder: responder, draining: draining, logger: logger)
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for listener in listeners {
                    group.addTask { await accept(on: listener, connection) }
                }
            }
        } onGracefulShutdown: {
            for socket in sockets { socket.removeFile() }
            for channel in channels { channel.close(promise: nil) }
            draining.begin()
            logger.notice(
                "stopping: what is under way is finished", metadata: ["connections": "\(draining.connections)"])
            // Not awaited: it ends what the connections wait for.
            _ = MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: limits.drainTimeout) {
                draining.closeAll()
            }
        }
    }

    private func accept(
        on listener: NIOAsyncChannel<AcceptedConnection, Never>, _ connection: HTTPConnection
    ) async {
        do {
            try await listener.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await accepted in connections {
                        group.addTask { await connection.serve(accepted.take()) }
                    }
                }
            }
        } catch {
            logger.error("accepting connections ended: \(error)")
        }
    }

    private func listener(on socket: ListeningSocket) async throws -> NIOAsyncChannel<AcceptedConnection, Never> {
        let limits = limits
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .bind(socket.descriptor) { channel in
                channel.eventLoop.makeCompletedFuture {
                    var decoder = NIOHTTPDecoderLimitConfiguration()
                    decoder.maxHeaderFieldSize = limits.headerField
                    decoder.maxHeaderListSize = limits.headerList
                    decoder.maxHeaderFieldCount = limits.headerCount
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: true,
                        withOutboundHeaderValidation: true, withEncoderConfiguration: .init(),
                        withDecoderLimitConfiguration: decoder)
                    try channel.pipeline.syncOperations.addHandler(ClientPatience(limits))
                    return AcceptedConnection(try HTTPConnection.Parts(wrappingChannelSynchronously: channel))
                }
            }
    }
}
