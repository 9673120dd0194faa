import AsyncAlgorithms
import NIOCore

/// A body of which a part was read already: that part first, then what still comes. Says whose turn it is.
struct ResumedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    private let read: ByteBuffer
    private let rest: AsyncThrowingChannel<ByteBuffer, any Error>
    private let watch: StallWatch

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

        mutating func next() async throws -> ByteBuffer? {
            watch.awaitsClient()
            let piece: ByteBuffer?
            if let first = read {
                read = nil
                piece = first
            } else {
                piece = try await rest.next()
            }
            if piece != nil { watch.awaitsUpstream() }
            return piece
        }
    }
}
