import LeaseTable
import Logging
import ProcessSupport

/// One logical call: the attempt, and the one more after a 429, with the log line of each.
struct UpstreamCall {
    let leader: FlightLeader
    let request: UpstreamRequest
    private(set) var attempts: [UpstreamFailure] = []

    init(leader: FlightLeader) {
        self.leader = leader
        var random = SystemRandomNumberGenerator()
        let key = [random.next() as UInt64, random.next()].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }
        request = UpstreamRequest(
            refreshToken: leader.request.refreshToken, organizationID: leader.request.organizationID,
            idempotencyKey: key.joined(), endUser: leader.request.endUser)
    }

    /// How an attempt ended, for who made the call.
    enum Step {
        case success(UpstreamSuccess)
        /// Ask again after this pause.
        case retry(after: Duration)
        /// Final; ``attempts`` has what the upstream said.
        case failure(UpstreamFailure)
    }

    /// Asks the upstream once. Blocks for the request timeout at the most.
    mutating func attempt() -> Step {
        leader.flights.count(\.upstreamCalls)
        let began = MonotonicInstant.now()
        let answer = Forks.letOn { leader.upstream.attempt(request, timeout: leader.configuration.requestTimeout) }
        log(answer, took: began.duration(to: .now()))
        switch answer {
        case .success(let success): return .success(success)
        case .failure(let failure):
            attempts.append(failure)
            if failure.status == 429 && attempts.count == 1 {
                return .retry(after: leader.configuration.pause(askedBy: failure))
            }
            return .failure(failure)
        }
    }

    private func log(_ answer: UpstreamAnswer, took duration: Duration) {
        var metadata: Logger.Metadata = [
            "key": "\(leader.flight.key.recordKey.shortDescription)",
            "milliseconds": "\(duration.wholeMilliseconds)", "attempt": "\(attempts.count + 1)",
        ]
        switch answer {
        case .success(let success):
            metadata["request_id"] = "\(success.requestID ?? "-")"
            leader.configuration.logger.info("token refreshed", metadata: metadata)
        case .failure(let failure):
            metadata["request_id"] = "\(failure.requestID ?? "-")"
            metadata["reason"] = "\(failure.reason.rawValue)"
            metadata["status"] = "\(failure.status.map(String.init) ?? "-")"
            metadata["detail"] = "\(failure.detail)"
            // A client that is refused is the operator's fault, not the user's.
            let level: Logger.Level = failure.reason == .invalidClient ? .error : .notice
            leader.configuration.logger.log(level: level, "token refresh failed", metadata: metadata)
        }
    }
}
