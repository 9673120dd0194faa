import AsyncAlgorithms
import Logging
import NIOCore
import NIOHTTP1
import ProcessSupport

/// What the daemon answers with: refreshes of the configured client through the table, everything else from the upstream.
struct Sidecar: Responder {
    /// Which refreshes are ours, and what answers them.
    struct Refreshing: Sendable {
        let intake: RefreshIntake
        let endpoint: RefreshEndpoint
    }

    /// At WorkOS, where that is configured.
    let refreshing: Refreshing?
    /// At another provider, where one is.
    let tokens: TokenRefreshing?
    /// The longest body of a refresh, in bytes.
    let longestBody: Int
    let passThrough: PassThrough
    let operators: OperatorEndpoints
    let metrics: DaemonMetrics
    let draining: Draining
    let logger: Logger

    func respond(to request: ClientRequest, with writer: AnswerWriter) async throws {
        if let answer = operators.answer(to: request) {
            metrics.count(.operators)
            return try await writer.write(answer)
        }
        if let refusal = passThrough.refusal(of: request) {
            metrics.count(.refused)
            return try await writer.write(refusal)
        }
        let expectations = request.values("expect")
        if !expectations.isEmpty {
            guard expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else {
                return try await writer.write(
                    .error(.expectationFailed, "invalid_request", "Only 100-continue can be expected."))
            }
            if request.head.version == .http1_1, request.length != .none { try await writer.proceed() }
        }
        if let refreshing, request.mayBeRefresh(at: RefreshIntake.path, longest: longestBody) {
            try await decide(request, writer, url: nil) { body in
                switch refreshing.intake.verdict(on: request, body: body) {
                case .coalesce(let refresh): .coalesce { await refreshing.endpoint.answer(to: refresh) }
                case .passThrough(let reason): .passThrough(reason)
                }
            }
        } else if let tokens, request.mayBeRefresh(at: TokenIntake.path, longest: longestBody) {
            try await decide(request, writer, url: tokens.target.url) { body in
                switch tokens.intake.verdict(on: request, body: body) {
                case .coalesce(let refresh): .coalesce { await tokens.answer(to: refresh) }
                case .passThrough(let reason): .passThrough(reason)
                }
            }
        } else {
            metrics.count(.passThrough)
            let url = request.head.uri == TokenIntake.path ? tokens?.target.url : nil
            try await passThrough.respond(to: request, with: writer, at: url)
        }
    }

    /// What becomes of a candidate.
    private enum Decision {
        case coalesce(() async -> Answer)
        case passThrough(RefreshIntake.Reason)
    }

    /// Reads a candidate's body, and does what is decided on it.
    private func decide(
        _ request: ClientRequest, _ writer: AnswerWriter, url: String?,
        _ verdict: ([UInt8]) -> Decision
    ) async throws {
        var read = ByteBuffer()
        for try await piece in request.body {
            read.writeImmutableBuffer(piece)
            if read.readableBytes > longestBody {
                logPassed(.oddForm, request)
                return try await passThrough.respond(to: request, having: read, with: writer, at: url)
            }
        }
        switch verdict(Array(read.readableBytesView)) {
        case .coalesce(let refresh):
            if draining.hasBegun {
                metrics.count(.refused)
                return try await writer.write(
                    .error(
                        .serviceUnavailable, "server_error", "The sidecar is stopping. Please retry.", retryAfter: 1))
            }
            metrics.count(.refresh)
            let began = MonotonicInstant.now()
            let answer = await refresh()
            metrics.countAnswer(status: answer.status.code, took: began.duration(to: .now()))
            try await writer.write(answer)
        case .passThrough(let reason):
            logPassed(reason, request)
            try await passThrough.respond(to: request, having: read, with: writer, at: url)
        }
    }

    private func logPassed(_ reason: RefreshIntake.Reason, _ request: ClientRequest) {
        metrics.count(.passThrough)
        metrics.count(reason)
        logger.log(
            level: reason == .otherGrant ? .debug : .notice, "a request to the refresh endpoint is passed through",
            metadata: ["reason": "\(reason.rawValue)", "peer": "\(request.peer)"])
    }
}
