import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// The answer as a whole.
    init(_ answer: Answer) {
        self.init(
            status: .init(code: answer.status), headers: Self.headers(of: answer),
            body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
    }

    /// A 200 with a JSON body.
    init(json value: JSONValue) throws {
        self.init(Answer(status: 200, body: try JSONText.bytes(value)))
    }

    /// Announces the whole answer, sends half of its body, and closes the connection.
    init(cutShort answer: Answer, on channel: any Channel) {
        let half = ByteBuffer(bytes: answer.body.prefix(answer.body.count / 2))
        self.init(
            status: .init(code: answer.status), headers: Self.headers(of: answer),
            body: .init(contentLength: answer.body.count) { writer in
                try await writer.write(half)
                await channel.end(reset: false)
            })
    }

    /// Sends the body in ten pieces spread over `time`, as long as the client stays.
    init(slowly answer: Answer, over time: Duration, on channel: any Channel) {
        let step = max(1, (answer.body.count + 9) / 10)
        let pieces = stride(from: 0, to: answer.body.count, by: step).map {
            ByteBuffer(bytes: answer.body[$0..<min($0 + step, answer.body.count)])
        }
        self.init(
            status: .init(code: answer.status), headers: Self.headers(of: answer),
            body: .init(contentLength: answer.body.count) { writer in
                for piece in pieces {
                    guard await channel.waitWhileClientStays(time / pieces.count) == .elapsed else {
                        await channel.end(reset: false)
                        return
                    }
                    try await writer.write(piece)
                }
                try await writer.finish(nil)
            })
    }

    private static func headers(of answer: Answer) -> HTTPFields {
        var headers: HTTPFields = [.contentLength: String(answer.body.count)]
        if !answer.body.isEmpty { headers[.contentType] = answer.contentType }
        if let retryAfter = answer.retryAfter { headers[.retryAfter] = retryAfter }
        return headers
    }
}
