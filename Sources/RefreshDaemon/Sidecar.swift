import AsyncAlgorithms
import Logging
import NIOCore
import NIOHTTP1
import ProcessSupport

/// What the daemon answers with: refreshes of the configured client through the table, everything else from the upstream.
struct Sidecar: Responder {
    let intake: RefreshIntake
    let endpoint: RefreshEndpoint
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
        guard intake.isCandidate(request) else {
            metrics.count(.passThrough)
            return try await passThrough.respond(to: request, with: writer)
        }
        var read = ByteBuffer()
        for try await piece in request.body {
            read.writeImmutableBuffer(piece)
            if read.readableBytes > intake.longestBody {
                logPassed(.oddForm, request)
                return try await passThrough.respond(to: request, having: read, with: writer)
            }
        }
        switch intake.verdict(on: request, body: Array(read.readableBytesView)) {
        case .coalesce(let refresh):
            if draining.hasBegun {
                metrics.count(.refused)
                return try await writer.write(
                    .error(
                        .serviceUnavailable, "server_error", "The sidecar is stopping. Please retry.", retryAfter: 1))
            }
            metrics.count(.refresh)
            let began = MonotonicInstant.now()
            let answer = await endpoint.answer(to: refresh)
            metrics.countAnswer(status: answer.status.code, took: began.duration(to: .now()))
            try await writer.write(answer)
        case .passThrough(let reason):
            logPassed(reason, request)
            try await passThrough.respond(to: request, having: read, with: writer)
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
