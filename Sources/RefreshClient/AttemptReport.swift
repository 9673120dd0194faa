import FleetCounters
import LeaseTable
import Logging
import ProcessSupport

/// What is counted and logged of one call to the upstream: one line, whoever made the call.
struct AttemptReport {
    let flights: FlightTable
    let key: RecordKey
    let logger: Logger

    /// Notes how attempt `number` (from 1) ended. Before it is published, so that those who wait for it are still there.
    func note(_ answer: UpstreamAnswer, number: Int, took duration: Duration) {
        let slot = flights.slot
        slot?.count(answer.counter)
        slot?.record(.upstreamCall, duration)
        let level = answer.logLevel
        // Nothing is put into words that nobody hears.
        guard level >= logger.logLevel else { return }
        var metadata: Logger.Metadata = [
            "key": "\(key.shortDescription)", "milliseconds": "\(duration.wholeNanoseconds / 1_000_000)",
            "attempt": "\(number)", "waiters": "\(slot.map { String($0.waiters(for: key)) } ?? "-")",
        ]
        switch answer {
        case .success(let success):
            metadata["request_id"] = "\(success.requestID ?? "-")"
            logger.log(level: level, "token refreshed", metadata: metadata)
        case .failure(let failure):
            metadata["request_id"] = "\(failure.requestID ?? "-")"
            metadata["reason"] = "\(failure.reason.rawValue)"
            metadata["status"] = "\(failure.status.map(String.init) ?? "-")"
            metadata["detail"] = "\(failure.detail)"
            logger.log(level: level, "token refresh failed", metadata: metadata)
        }
    }
}

extension UpstreamAnswer {
    fileprivate var logLevel: Logger.Level {
        switch self {
        case .success: .info
        // A client that is refused is the operator's fault, not the user's.
        case .failure(let failure): failure.reason == .invalidClient ? .error : .notice
        }
    }

    fileprivate var counter: FleetCounter {
        switch self {
        case .success: .upstreamSuccess
        case .failure(let failure):
            failure.class == .terminal
                ? .upstreamTerminal : failure.mayHaveRotated ? .upstreamInDoubt : .upstreamTransient
        }
    }
}
