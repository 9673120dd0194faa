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
    /// How long the upstream may take none of a body that is there for it, and say nothing.
    let uploadPatience: Duration
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
        guard ![.none, .known(0)].contains(request.length) else {
            return try await exchange(outgoing(request, nil, url), nil, with: writer)
        }
        let stalling = StallWatch(patience: uploadPatience)
        let body = ResumedBody(read, request.body, watch: stalling)
        let outgoing = outgoing(request, body, url)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await exchange(outgoing, stalling, with: writer)
                return true
            }
            group.addTask {
                try await stalling.expiry()
                return false
            }
            let isWhole = try await group.next()
            group.cancelAll()
            if isWhole == false {
                logger.notice("the upstream takes no more of a body, and does not answer")
                throw AnswerWriter.CutShort()
            }
        }
    }

    private func exchange(
        _ outgoing: HTTPClientRequest, _ stalling: StallWatch?, with writer: AnswerWriter
    ) async throws {
        let answer: HTTPClientResponse
        do {
            answer = try await client.execute(outgoing, deadline: .distantFuture)
        } catch {
            try Task.checkCancellation()
            return try await writer.write(self.answer(to: error))
        }
        try await pass(answer, stalling, to: writer)
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

    private func outgoing(_ request: ClientRequest, _ body: ResumedBody?, _ url: String) -> HTTPClientRequest {
        var outgoing = HTTPClientRequest(url: url)
        outgoing.method = request.head.method
        outgoing.headers = HopByHop.removed(from: request.head.headers)
        outgoing.headers.remove(name: "Host")
        outgoing.headers.remove(name: "Expect")
        outgoing.headers.add(name: "Via", value: "1.1 \(pseudonym)")
        switch (request.length, body) {
        case (.known(0), _): outgoing.body = .bytes(ByteBuffer())
        case (.known(let length), let body?): outgoing.body = .stream(body, length: .known(length))
        case (.chunked, let body?): outgoing.body = .stream(body, length: .unknown)
        case (.none, _), (_, nil): break
        }
        return outgoing
    }

    private func pass(_ answer: HTTPClientResponse, _ stalling: StallWatch?, to writer: AnswerWriter) async throws {
        stalling?.awaitsClient()
        try await writer.begin(answer.status, HopByHop.removed(from: answer.headers))
        stalling?.awaitsUpstream()
        for try await piece in answer.body {
            stalling?.awaitsClient()
            try await writer.write(piece)
            stalling?.awaitsUpstream()
        }
        stalling?.awaitsClient()
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
