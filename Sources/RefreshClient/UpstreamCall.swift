import LeaseTable
import ProcessSupport

/// One logical call: the attempt, and the one more after a 429.
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
        AttemptReport(flights: leader.flights, key: leader.flight.key.recordKey, logger: leader.configuration.logger)
            .note(answer, number: attempts.count + 1, took: began.duration(to: .now()))
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
}
