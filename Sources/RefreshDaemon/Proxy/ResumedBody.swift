import AsyncAlgorithms
import NIOCore
import NIOPosix

/// A body of which a part was read already: that part first, then what still comes. Says whose turn it is.
struct ResumedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    private let read: ByteBuffer
    private let rest: AsyncThrowingChannel<ByteBuffer, any Error>
    private let watch: StallWatch

    /// How much is handed on, in bytes, before it is awaited that every event loop has turned. 512 KiB: eight reads.
    private static let stride = 512 << 10

    init(_ read: ByteBuffer, _ rest: AsyncThrowingChannel<ByteBuffer, any Error>, watch: StallWatch) {
        self.read = read
        self.rest = rest
        self.watch = watch
    }

    func makeAsyncIterator() -> Iterator {
        Iterator(read: read.readableBytes > 0 ? read : nil, rest: rest.makeAsyncIterator(), watch: watch)
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var read: ByteBuffer?
        fileprivate var rest: AsyncThrowingChannel<ByteBuffer, any Error>.AsyncIterator
        fileprivate let watch: StallWatch
        private var ahead = 0

        fileprivate init(
            read: ByteBuffer?, rest: AsyncThrowingChannel<ByteBuffer, any Error>.AsyncIterator, watch: StallWatch
        ) {
            self.read = read
            self.rest = rest
            self.watch = watch
        }

        mutating func next() async throws -> ByteBuffer? {
            // The upstream's connection takes pieces on its event loop, and says there that it has no more room. While that
            // loop is busy elsewhere, a whole body could otherwise go into memory.
            if ahead >= ResumedBody.stride {
                for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try await loop.submit {}.get() }
                ahead = 0
            }
            watch.awaitsClient()
            let piece: ByteBuffer?
            if let first = read {
                read = nil
                piece = first
            } else {
                piece = try await rest.next()
            }
            if let piece {
                ahead += piece.readableBytes
                watch.awaitsUpstream()
            }
            return piece
        }
    }
}
