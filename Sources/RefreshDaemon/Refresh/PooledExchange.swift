import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import WorkOS

/// What comes in during one call to the upstream. Filled on the connection's event loop, read when the call is over.
final class PooledExchange: HTTPClientResponseDelegate {
    typealias Response = Void

    private struct TooLong: Error {}

    private let state = Mutex(ReceivedAnswer(mayHaveBeenSent: false))

    /// What came, and how it ended.
    var received: ReceivedAnswer { state.withLock { $0 } }

    func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
        state.withLock { $0.mayHaveBeenSent = true }
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        state.withLock { answer in
            answer.mayHaveBeenSent = true
            answer.status = Int(head.status.code)
            for (name, value) in head.headers { answer.keep(header: name, value) }
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let fits = state.withLock { answer in
            let room = ReceivedAnswer.longestBody - answer.body.count
            answer.body.append(contentsOf: buffer.readableBytesView.prefix(room))
            if buffer.readableBytes > room { answer.isTooLong = true }
            return !answer.isTooLong
        }
        return fits ? task.eventLoop.makeSucceededVoidFuture() : task.eventLoop.makeFailedFuture(TooLong())
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) {}

    /// Notes what ended the call instead of an answer. Its words hold nothing the upstream sent.
    func fail(_ error: any Error) {
        state.withLock { answer in
            switch error {
            case is TooLong: break
            case is HTTPParserError: answer.ending = .notHTTP("the answer is not HTTP")
            case let error as HTTPClientError:
                let timeouts: [HTTPClientError] = [
                    .deadlineExceeded, .readTimeout, .connectTimeout, .getConnectionFromPoolTimeout,
                ]
                answer.ending = timeouts.contains(error) ? .timedOut : .failed(error.shortDescription)
            case is NIOConnectionError: answer.ending = .failed("no connection")
            case let error as IOError: answer.ending = .failed("errno \(error.errnoCode)")
            default: answer.ending = .failed("\(type(of: error))")
            }
        }
    }
}
