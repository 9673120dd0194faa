import NIOCore
import NIOHTTP1

/// Writes the answer to one request, each part when the client has room for it.
struct AnswerWriter: Sendable {
    /// What cannot be ended in order: the connection is closed instead, so that the client sees the answer cut.
    struct CutShort: Error {}

    let outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    /// The connection's.
    let eventLoop: any EventLoop
    let request: HTTPRequestHead
    /// Whether the connection may take another request afterwards.
    let keepsAlive: Bool

    /// Asks a client that waits with its body to send it (RFC 9110 section 10.1.1).
    func proceed() async throws {
        try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
    }

    /// Writes a whole answer, at once.
    func write(_ answer: Answer) async throws {
        var headers = answer.headers
        headers.replaceOrAdd(name: "Content-Length", value: String(answer.body.count))
        if !keepsAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        var parts: [HTTPServerResponsePart] = [
            .head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))
        ]
        if request.method != .HEAD { parts.append(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))) }
        parts.append(.end(nil))
        try await outbound.write(contentsOf: parts)
    }

    /// Writes status and headers; what delimits the body must be among them, or it is sent in chunks, and to a client of
    /// HTTP/1.0, which knows none (RFC 9112 section 6.1), until the connection ends.
    func begin(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) async throws {
        var headers = headers
        if !keepsAlive || isEndless(headers) { headers.replaceOrAdd(name: "Connection", value: "close") }
        // The encoder decides on chunks by the version that it writes.
        let version = isEndless(headers) && request.method != .HEAD ? HTTPVersion.http1_0 : .http1_1
        try await outbound.write(.head(HTTPResponseHead(version: version, status: status, headers: headers)))
        // After the head of an answer without a length, the encoder would send the last chunk of a body that HEAD has not.
        if request.method == .HEAD, isEndless(headers) { throw CutShort() }
    }

    /// Writes a piece of the body.
    func write(_ piece: ByteBuffer) async throws {
        try await outbound.write(.body(.byteBuffer(piece)))
        // Whether there is room for the next one is known when the event loop has taken this one. While the loop is busy
        // elsewhere, an upstream could otherwise send a whole answer into memory.
        try await eventLoop.submit {}.get()
    }

    /// Ends the answer.
    func end() async throws {
        try await outbound.write(.end(nil))
    }

    /// Whether only the end of the connection can end the body, or no body comes at all and nothing says so.
    private func isEndless(_ headers: HTTPHeaders) -> Bool {
        !headers.contains(name: "content-length") && (request.method == .HEAD || request.version != .http1_1)
    }
}

/// An answer of the daemon's own, or one that is kept whole.
struct Answer: Sendable, Equatable {
    /// The status.
    var status: HTTPResponseStatus
    /// The headers; `Content-Length` is added.
    var headers: HTTPHeaders = [:]
    /// The body.
    var body: [UInt8] = []

    /// An error in the upstream's own shape (RFC 6749 section 5.2), so that its clients understand it.
    static func error(
        _ status: HTTPResponseStatus, _ name: String, _ description: String, retryAfter: Int? = nil
    ) -> Answer {
        // Both are words of ours: nothing in them needs escaping.
        let body = "{\"error\":\"\(name)\",\"error_description\":\"\(description)\"}"
        var headers: HTTPHeaders = ["Content-Type": "application/json; charset=utf-8"]
        if let retryAfter { headers.add(name: "Retry-After", value: String(retryAfter)) }
        return Answer(status: status, headers: headers, body: Array(body.utf8))
    }
}
