import AsyncHTTPClient
import Dispatch
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Testing

@testable import refreshd

/// What ends connections on a real socket, and what the end of one ends.
@Suite(.timeLimit(.minutes(1))) struct ServerTests {
    /// Answers by what it is told.
    private struct Told: Responder {
        let answering: @Sendable (ClientRequest, AnswerWriter) async throws -> Void

        func respond(to request: ClientRequest, with writer: AnswerWriter) async throws {
            try await answering(request, writer)
        }
    }

    private static let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    /// Says that a request came, and then nothing, until it is cancelled.
    private static func silent(
        began: AsyncStream<Void>.Continuation, cancelled: AsyncStream<Void>.Continuation? = nil
    ) -> Told {
        Told { _, _ in
            began.finish()
            defer { cancelled?.finish() }
            try await Task.sleep(for: .seconds(3600))
        }
    }

    @Test func aHeadThatIsNeverWholeEndsItsConnection() async throws {
        var limits = ServerLimits()
        limits.headTimeout = .milliseconds(200)
        try await ServerUnderTest.serving(Told { _, _ in }, limits) { server in
            try await server.converse("GET / HT") { inbound, _ in
                #expect(await inbound.rest() == "")
            }
        }
    }

    @Test func whatOutlivesTheDrainIsClosed() async throws {
        var limits = ServerLimits()
        limits.drainTimeout = .milliseconds(200)
        let (begun, began) = AsyncStream.makeStream(of: Void.self)
        try await ServerUnderTest.serving(Self.silent(began: began), limits) { server in
            try await server.converse(Self.get) { inbound, _ in
                for await _ in begun {}
                await server.stop()
                #expect(await inbound.rest() == "")
            }
        }
    }

    @Test func aStopClosesIdleConnectionsAtOnce() async throws {
        var limits = ServerLimits()
        limits.drainTimeout = .hours(1)
        let told = Told { _, writer in try await writer.write(Answer(status: .ok)) }
        try await ServerUnderTest.serving(told, limits) { server in
            try await server.converse(Self.get) { inbound, _ in
                let answer = try #require(try await inbound.next())
                #expect(String(buffer: answer).hasPrefix("HTTP/1.1 200"))
                await server.stop()
                #expect(await inbound.rest() == "")
            }
        }
    }

    @Test func aClientThatLeavesEndsWhatItAskedFor() async throws {
        let (begun, began) = AsyncStream.makeStream(of: Void.self)
        let (left, leaves) = AsyncStream.makeStream(of: Void.self)
        try await ServerUnderTest.serving(Self.silent(began: began, cancelled: leaves)) { server in
            try await server.converse(Self.get) { _, _ in
                for await _ in begun {}
            }
            for await _ in left {}
        }
    }

    /// One that is accepted when the stop has begun already.
    @Test func aConnectionThatComesTooLateIsClosedInOrder() async throws {
        let channel = NIOAsyncTestingChannel()
        try await channel.connect(to: SocketAddress(unixDomainSocketPath: "/a")).get()
        let draining = Draining()
        draining.begin()
        let connection = HTTPConnection(
            responder: Told { _, _ in }, draining: draining,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await connection.serve(
            try await channel.eventLoop.submit { try HTTPConnection.Parts(wrappingChannelSynchronously: channel) }
                .get())
        #expect(!channel.isActive)
    }

    /// What the connection has not taken yet holds up the next piece: nothing piles up while its event loop is busy.
    @Test func aPieceIsWrittenWhenTheEventLoopHasTakenIt() async throws {
        let (written, isWritten) = AsyncStream.makeStream(of: Bool.self)
        let told = Told { _, writer in
            let leave = DispatchSemaphore(value: 0)
            try await writer.begin(.ok, ["Content-Type": "text/plain"])
            writer.eventLoop.execute { leave.wait() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await writer.write(ByteBuffer(string: "piece"))
                    isWritten.yield(true)
                }
                group.addTask {
                    try await Task.sleep(for: .milliseconds(300))
                    isWritten.yield(false)
                    leave.signal()
                }
                try await group.waitForAll()
            }
            try await writer.end()
            isWritten.finish()
        }
        try await ServerUnderTest.serving(told) { server in
            try await server.converse("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") { inbound, _ in
                #expect(await inbound.rest().contains("piece"))
            }
        }
        var order: [Bool] = []
        for await wasWritten in written { order.append(wasWritten) }
        #expect(order == [false, true])
    }

    /// Chunks are for clients of HTTP/1.1 (RFC 9112 section 6.1).
    @Test(arguments: ["1.0", "1.1"]) func anAnswerWithoutALengthIsDelimitedAsTheClientKnowsIt(version: String)
        async throws
    {
        let told = Told { _, writer in
            try await writer.begin(.ok, ["Content-Type": "text/plain"])
            for piece in ["one", "two"] { try await writer.write(ByteBuffer(string: piece)) }
            try await writer.end()
        }
        try await ServerUnderTest.serving(told) { server in
            try await server.converse("GET / HTTP/\(version)\r\nHost: x\r\nConnection: close\r\n\r\n") { inbound, _ in
                let answer = await inbound.rest().lowercased()
                #expect(answer.contains("transfer-encoding: chunked") == (version == "1.1"), "\(answer)")
                #expect(answer.hasSuffix(version == "1.1" ? "0\r\n\r\n" : "\r\n\r\nonetwo"), "\(answer)")
                #expect(answer.hasPrefix("http/\(version) 200"), "\(answer)")
                #expect(answer.contains("connection: close"), "\(answer)")
            }
        }
    }

    /// Passes uploads to an upstream that reads nothing, with a patience of a second; `answering` is what that does instead.
    private func uploading(
        answering: @escaping @Sendable (any Channel) -> Void, _ body: (String) -> Void
    ) async throws {
        let upstream = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                // Not before it is active.
                channel.eventLoop.assumeIsolated().execute { answering(channel) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        let passThrough = PassThrough(
            client: client, baseURL: "http://127.0.0.1:\(upstream.localAddress?.port ?? 0)", pseudonym: "refreshd-1",
            uploadPatience: .seconds(1), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await ServerUnderTest.serving(Told { try await passThrough.respond(to: $0, with: $1) }) { server in
            let length = 64 << 20
            try await server.converse("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\r\n") {
                inbound, outbound in
                let sending = Task {
                    let piece = ByteBuffer(repeating: 0, count: 1 << 20)
                    for _ in 0..<(length >> 20) { try await outbound.write(piece) }
                }
                body(await inbound.rest())
                _ = await sending.result
            }
        }
        try await client.shutdown()
        try await upstream.close()
    }

    @Test func anUpstreamThatTakesNothingIsGivenUp() async throws {
        try await uploading(answering: { _ in }) { #expect($0 == "") }
    }

    /// Who refuses a body need not read it, and may take its time for saying so.
    @Test func anUpstreamThatRefusesTheBodyIsNot() async throws {
        let words = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\na"
        try await uploading(answering: { channel in
            channel.writeAndFlush(ByteBuffer(string: words), promise: nil)
            for (number, piece) in ["b", "c", "d", "e"].enumerated() {
                channel.eventLoop.scheduleTask(in: .milliseconds(400 * Int64(number + 1))) {
                    channel.writeAndFlush(ByteBuffer(string: piece), promise: nil)
                }
            }
        }) { answer in
            #expect(answer.hasPrefix("HTTP/1.1 413"), "\(answer)")
            #expect(answer.hasSuffix("\r\n\r\nabcde"), "\(answer)")
        }
    }
}
