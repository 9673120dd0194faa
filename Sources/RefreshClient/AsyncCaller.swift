import LeaseTable
import ProcessSupport

/// One suspended caller: resumed once, by whichever comes first of outcome, deadline and cancellation.
final class AsyncCaller: @unchecked Sendable {
    typealias Continuation = CheckedContinuation<FlightOutcome?, Never>

    let deadline: MonotonicInstant
    private let mutex = TimedMutex()
    /// Guarded by `mutex`; `nil` before it is set and after it was resumed.
    private var continuation: Continuation?
    /// Guarded by `mutex`.
    private var isComplete = false
    /// Guarded by `mutex`.
    private var flight: Flight?
    /// Guarded by `mutex`: whether the flight is led for this caller.
    private var isLeader = false
    /// Guarded by `mutex`: its wait for somebody else.
    private var mark: WaitMark?

    init(deadline: MonotonicInstant) {
        self.deadline = deadline
    }

    /// Suspends on `continuation`; false, with the continuation resumed, where cancellation came first.
    func suspend(_ continuation: Continuation) -> Bool {
        let mayWait = mutex.withLock {
            if !isComplete { self.continuation = continuation }
            return !isComplete
        }
        if !mayWait { continuation.resume(returning: nil) }
        return mayWait
    }

    /// Notes where this caller waits, so that it can leave.
    func joined(_ flight: Flight) {
        mutex.withLock { self.flight = flight }
    }

    /// Notes that a thread leads the flight in its place, and waits in its place, too.
    func leads() {
        mutex.withLock { isLeader = true }
    }

    /// Has it count as waiting until it is resumed.
    func waits(_ mark: WaitMark) {
        let isLate = mutex.withLock {
            if !isComplete { self.mark = mark }
            return isComplete
        }
        if isLate { mark.end() }
    }

    /// Where its outcome came from.
    var origin: OutcomeOrigin {
        let (leads, flight) = mutex.withLock { (isLeader, self.flight) }
        return leads ? flight?.cameFrom ?? .othersCall : .othersCall
    }

    /// Whether it has been resumed.
    var hasEnded: Bool { mutex.withLock { isComplete } }

    /// Resumes with the outcome.
    func complete(_ outcome: FlightOutcome) {
        resume(with: outcome)
    }

    /// Resumes with nothing: the caller was cancelled, and leaves alone.
    func cancel() {
        if resume(with: nil) { _ = mutex.withLock { flight }?.dismiss(self) }
    }

    /// Resumes at the deadline: with what the upstream has answered, where it has, else with a timeout.
    func expire() {
        let unpublished = mutex.withLock { flight }?.dismiss(self)
        resume(with: unpublished.map { .success($0) } ?? .failure(.deadline(nil)))
    }

    @discardableResult
    private func resume(with outcome: FlightOutcome?) -> Bool {
        let (first, waiting, mark): (Bool, Continuation?, WaitMark?) = mutex.withLock {
            if isComplete { return (false, nil, nil) }
            isComplete = true
            defer { (continuation, self.mark) = (nil, nil) }
            return (true, continuation, self.mark)
        }
        mark?.end()
        if let waiting {
            DeadlineWatch.current().remove(self)
            waiting.resume(returning: outcome)
        }
        return first
    }
}
