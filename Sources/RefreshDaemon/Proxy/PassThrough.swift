import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1

/// Hands requests on to the upstream as they come, and its answers back, piece by piece.
///
/// Only what belongs to a connection is taken off (RFC 9110 section 7.6.1), `Host` becomes the upstream's, and `Via` says
/// that we stand in between (section 7.6.3), which also ends a circle of sidecars.
struct PassThrough: Sendable {
    let client: HTTPClient
    /// Scheme, host, and port and path prefix where there are any; no slash at the end. `nil` where nothing but a token
    /// endpoint is served.
    let baseURL: String?
    /// Our name in `Via`, unlike any other process's.
    let pseudonym: String
    let logger: Logger

    /// The longest pause before the upstream answers, or in its answer; the clients' own patience.
    static let upstreamPatience = TimeAmount.seconds(60)

    /// Passes one request through, to `url` where it is not the base URL's. `read` is what was read of its body already.
    func respond(
        to request: ClientRequest, having read: ByteBuffer = ByteBuffer(), with writer: AnswerWriter,
        at url: String? = nil
    ) async throws {
        guard let url = url ?? baseURL.map({ $0 + request.head.uri }) else {
            return try await writer.write(.error(.notFound, "invalid_request", "There is no upstream for this path."))
        }
        let answer: HTTPClientResponse
        do {
            answer = try await client.execute(outgoing(request, read, url), deadline: .distantFuture)
        } catch {
            try Task.checkCancellation()
            return try await writer.write(self.answer(to: error))
        }
        try await pass(answer, to: writer)
    }

    /// What is not passed on, and why.
    func refusal(of request: ClientRequest) -> Answer? {
        if !RequestTarget.isOriginForm(request.head.uri) {
            return .error(.badRequest, "invalid_request", "The request target is not a plain path.")
        }
        if [.CONNECT, .TRACE].contains(request.head.method) {
            return .error(.notImplemented, "invalid_request", "This method is not passed on.")
        }
        if HopByHop.namesEndToEnd(request.head.headers) {
            return .error(.badRequest, "invalid_request", "Connection names a header that is not its own.")
        }
        if request.head.headers[canonicalForm: "via"].contains(where: { $0.hasSuffix(" \(pseudonym)") }) {
            return .error(.loopDetected, "invalid_request", "The upstream's address leads back here.")
        }
        return nil
    }

    private func outgoing(_ request: ClientRequest, _ read: ByteBuffer, _ url: String) -> HTTPClientRequest {
        var outgoing = HTTPClientRequest(url: url)
        outgoing.method = request.head.method
        outgoing.headers = HopByHop.removed(from: request.head.headers)
        outgoing.headers.remove(name: "Host")
        outgoing.headers.remove(name: "Expect")
        outgoing.headers.add(name: "Via", value: "1.1 \(pseudonym)")
        switch request.length {
        case .none: break
        case .known(0): outgoing.body = .bytes(ByteBuffer())
        case .known(let length): outgoing.body = .stream(ResumedBody(read, request.body), length: .known(length))
        case .chunked: outgoing.body = .stream(ResumedBody(read, request.body), length: .unknown)
        }
        return outgoing
    }

    private func pass(_ answer: HTTPClientResponse, to writer: AnswerWriter) async throws {
        try await writer.begin(answer.status, HopByHop.removed(from: answer.headers))
        for try await piece in answer.body { try await writer.write(piece) }
        try await writer.end()
    }

    /// The upstream did not answer (RFC 9110 sections 15.6.3 and 15.6.5).
    private func answer(to error: any Error) -> Answer {
        logger.notice("the upstream did not answer", metadata: ["error": "\(error)"])
        return switch error as? HTTPClientError {
        case .connectTimeout?, .readTimeout?, .deadlineExceeded?, .getConnectionFromPoolTimeout?:
            .error(.gatewayTimeout, "timeout", "The upstream did not answer in time.")
        default: .error(.badGateway, "network_error", "The upstream could not be reached.")
        }
    }
}
