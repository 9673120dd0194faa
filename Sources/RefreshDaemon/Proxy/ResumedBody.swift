import AsyncAlgorithms
import NIOCore

/// A body of which a part was read already: that part first, then what still comes.
struct ResumedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    private let read: ByteBuffer
    private let rest: AsyncThrowingChannel<ByteBuffer, any Error>

    init(_ read: ByteBuffer, _ rest: AsyncThrowingChannel<ByteBuffer, any Error>) {
        self.read = read
        self.rest = rest
    }

    func makeAsyncIterator() -> Iterator {
        Iterator(read: read.readableBytes > 0 ? read : nil, rest: rest.makeAsyncIterator())
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var read: ByteBuffer?
        fileprivate var rest: AsyncThrowingChannel<ByteBuffer, any Error>.AsyncIterator

        mutating func next() async throws -> ByteBuffer? {
            if let first = read {
                read = nil
                return first
            }
            return try await rest.next()
        }
    }
}
