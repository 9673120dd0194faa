import FleetCounters
import LeaseTable
import ProcessSupport

/// A lease in the caller's hands: the right to call the upstream once, and the duty to say how that ended.
///
/// All other callers of the key, in this process and others, wait for that, until the lease's end at the most. Letting
/// the object go without having ended it is ``abandon()``.
///
/// Thread-safe. It belongs to the process that got it: in a forked child every method but ``abandon()``, which does
/// nothing, throws.
public final class HeldLease: @unchecked Sendable {
    private let leader: FlightLeader
    private let madeIn = forkGeneration()
    private let mutex = TimedMutex()
    /// Guarded by `mutex`.
    private var state: State
    /// Guarded by `mutex`: what the upstream has said so far.
    private var attempts: [UpstreamFailure] = []
    /// When the caller came.
    private let began: MonotonicInstant
    /// Guarded by `mutex`: since when the upstream may have been called.
    private var sent: MonotonicInstant

    private enum State {
        case held(LeaseTable, Tenure)
        /// The table failed: this process's callers wait in the flight, others do not know. The upstream asked for a
        /// pause until then.
        case alone(notBefore: MonotonicInstant)
        case ended
    }

    init(
        _ leader: FlightLeader, holding tenure: Tenure, in table: LeaseTable, since began: MonotonicInstant
    ) {
        self.leader = leader
        self.began = began
        sent = .now()
        state = .held(table, tenure)
    }

    /// Leads `leader`'s flight, without a lease.
    init(aloneIn leader: FlightLeader, since began: MonotonicInstant) {
        self.leader = leader
        self.began = began
        sent = .now()
        state = .alone(notBefore: .now())
        leader.flights.count(\.refreshedAlone, .refreshedAlone)
        leader.flight.lead(aloneUntil: .now().advanced(by: leader.configuration.lease))
    }

    deinit {
        abandon()
    }

    /// Whether there is no lease behind it, since the table failed, and the configuration says to refresh all the same.
    public var isAlone: Bool {
        if case .alone = mutex.withLock({ state }) { true } else { false }
    }

    // MARK: Holding

    /// Whether the upstream may be called.
    public enum SendPermission: Sendable, Hashable {
        /// Call it now.
        case send
        /// The upstream has asked for a pause: wait this long and ask again.
        case wait(Duration)
        /// Do not call it: the lease is somebody else's, or has a result. Begin again.
        case lost
    }

    /// Asks just before sending whether the lease still holds, for as long as the call may take; renews it where it does
    /// not. For callers that may have been stopped since they began.
    ///
    /// - Parameter callTimeout: How long the call may take, retries included; `nil` for the configuration's request
    ///   timeout.
    /// - Throws: ``TokenRefreshError`` where the table could not be asked within the publish timeout: do not send.
    public func maySend(callTimeout: Duration? = nil) throws(TokenRefreshError) -> SendPermission {
        try Forks.heldOff { () throws(TokenRefreshError) in
            let permission = try permission(callTimeout)
            if permission == .send { mutex.withLock { sent = .now() } }
            return permission
        }
    }

    private func permission(_ callTimeout: Duration?) throws(TokenRefreshError) -> SendPermission {
        guard let (table, tenure) = try lease() else { return permissionAlone() }
        var configuration = leader.configuration
        configuration.requestTimeout = callTimeout ?? configuration.requestTimeout
        let timed = table.with(configuration)
        let deadline = MonotonicInstant.now().advanced(by: configuration.publishTimeout)
        do throws(LeaseTableError) {
            switch try timed.maySend(tenure, deadline: deadline) {
            case .send: return .send
            case .waitUntil(let instant): return .wait(BootInstant.now().duration(to: instant))
            case .renewFirst(let leaseEnds):
                let renewed = try timed.renew(
                    tenure, until: leaseEnds.advanced(by: configuration.leaseMargin), notBefore: nil,
                    deadline: deadline)
                guard case .store = renewed else { return .lost }
                // What is left to be asked is whether there is a pause.
                let now = BootInstant.now()
                let pauseEnds = leaseEnds.advanced(by: .zero - configuration.requestTimeout)
                return pauseEnds > now ? .wait(now.duration(to: pauseEnds)) : .send
            case .lost, .adopt: return .lost
            }
        } catch {
            throw wrap(error.isTimeout ? .deadline(error) : .coordination(error))
        }
    }

    private func permissionAlone() -> SendPermission {
        guard case .alone(let notBefore) = mutex.withLock({ state }) else { return .lost }
        let left = MonotonicInstant.now().duration(to: notBefore)
        return left > .zero ? .wait(left) : .send
    }

    /// Makes the lease last `duration` from now, unless it lasts longer already.
    ///
    /// - Returns: false where it is lost. A success counts all the same.
    /// - Throws: ``TokenRefreshError`` where the table could not be written within the publish timeout.
    public func renew(for duration: Duration) throws(TokenRefreshError) -> Bool {
        try Forks.heldOff { () throws(TokenRefreshError) in try extend(by: duration) }
    }

    private func extend(by duration: Duration) throws(TokenRefreshError) -> Bool {
        guard let (table, tenure) = try lease() else {
            leader.flight.lead(aloneUntil: .now().advanced(by: duration))
            return true
        }
        do throws(LeaseTableError) {
            let renewed = try table.renew(
                tenure, until: BootInstant.now().advanced(by: duration), notBefore: nil,
                deadline: MonotonicInstant.now().advanced(by: leader.configuration.publishTimeout))
            if case .store = renewed { return true }
            return false
        } catch {
            throw wrap(error.isTimeout ? .deadline(error) : .coordination(error))
        }
    }

    // MARK: Ending

    /// Publishes the upstream's success for everyone. The lease is then ended.
    ///
    /// A result that could not be stored within the publish timeout is returned all the same, and a thread of the library
    /// goes on trying.
    ///
    /// - Returns: What all callers get: this result, or one that was stored before it.
    /// - Throws: ``TokenRefreshError`` of code `leaseLost` where the lease was ended before.
    public func publish(_ success: UpstreamSuccess) throws(TokenRefreshError) -> RefreshResult {
        try Forks.heldOff { () throws(TokenRefreshError) in try store(success) }
    }

    private func store(_ success: UpstreamSuccess) throws(TokenRefreshError) -> RefreshResult {
        let state = try end()
        note(.success(success), number: mutex.withLock { attempts.count } + 1, isLast: true)
        guard case .held(let table, let tenure) = state else {
            leader.finish(.success(success))
            return RefreshResult(success)
        }
        // Who waits in this process, on the lease like everybody else, has it at its deadline at the latest.
        let joined = leader.flights.flight(of: tenure.key.recordKey)
        joined?.hold(unpublished: success)
        let publication = Publication(of: success, table: table, tenure: tenure)
        do throws(LeaseTableError) {
            let everyones = try publication.attempt()
            joined?.hold(unpublished: everyones)
            return RefreshResult(everyones)
        } catch {
            if let joined {
                leader.flights.remove(joined)
                joined.finish(.success(success))
            }
            // Without a thread, the one try is all there is: the others see the lease go.
            try? LibraryThread.start(holdingOffForks: true) { publication.insist(after: error) }
            return RefreshResult(success)
        }
    }

    /// How reporting a failure ended, where it is not the outcome.
    public enum FailureEnd: Sendable, Hashable {
        /// Somebody has stored a success, which is everyone's, this caller's too.
        case result(RefreshResult)
        /// The lease is kept through this pause: then call the upstream once more.
        case retry(after: Duration)
    }

    /// Reports the upstream's failure to everyone who waits. The lease is then ended, unless `retry` is returned.
    ///
    /// - Parameters:
    ///   - failure: What the upstream answered, or why it did not.
    ///   - mayRetry: Whether a first 429 keeps the lease for one more call.
    /// - Throws: ``TokenRefreshError``: the failure, which everyone gets; or of code `leaseLost` where the lease has
    ///   passed to somebody whose outcome is to come, or was ended before.
    public func fail(_ failure: UpstreamFailure, mayRetry: Bool = false) throws(TokenRefreshError) -> FailureEnd {
        try Forks.heldOff { () throws(TokenRefreshError) in try report(failure, mayRetry) }
    }

    private func report(_ failure: UpstreamFailure, _ mayRetry: Bool) throws(TokenRefreshError) -> FailureEnd {
        try checkProcess()
        let said: [UpstreamFailure] = mutex.withLock {
            attempts.append(failure)
            return attempts
        }
        let asksAgain = mayRetry && failure.status == 429 && said.count == 1
        if asksAgain, let pause = holdOn(for: leader.configuration.pause(askedBy: failure)) {
            note(.failure(failure), number: said.count, isLast: false)
            return .retry(after: pause)
        }
        let state = try end()
        note(.failure(failure), number: said.count, isLast: true)
        guard case .held(let table, let tenure) = state else {
            leader.finish(.failure(.upstream(said)))
            throw wrap(.upstream(said))
        }
        switch FailureReport(of: said, table: table, tenure: tenure).attempt() {
        case .counts: throw wrap(.upstream(said))
        case .adopted(let success): return .result(RefreshResult(success))
        case .othersMayAnswer: return .result(try answerOfOthers(table, tenure))
        }
    }

    /// Gives the lease up where nothing was sent: one of those who wait becomes the holder at once. Where it was ended
    /// before, nothing happens.
    public func abandon() {
        Forks.heldOff {
            guard let was = take() else { return }
            if case .held(let table, let tenure) = was {
                // Where that fails, the pipe's end tells the others.
                try? table.abandon(
                    tenure, deadline: MonotonicInstant.now().advanced(by: leader.configuration.publishTimeout))
            } else {
                FlightThread.handOver(leader, Handover())
            }
        }
    }

    // MARK: Inside

    /// Refuses a forked child, before it comes to a mutex that somebody may have held when it was made.
    private func checkProcess() throws(TokenRefreshError) {
        guard madeIn == forkGeneration() else { throw wrap(.lease(.ended)) }
    }

    /// The lease; `nil` where there is none since the table failed.
    private func lease() throws(TokenRefreshError) -> (LeaseTable, Tenure)? {
        try checkProcess()
        switch mutex.withLock({ state }) {
        case .held(let table, let tenure): return (table, tenure)
        case .alone: return nil
        case .ended: throw wrap(.lease(.ended))
        }
    }

    /// Counts and logs a call that the caller has made, and with its last one the caller.
    private func note(_ answer: UpstreamAnswer, number: Int, isLast: Bool) {
        let sent = mutex.withLock { self.sent }
        AttemptReport(flights: leader.flights, key: leader.flight.key.recordKey, logger: leader.configuration.logger)
            .note(answer, number: number, took: sent.duration(to: .now()))
        if isLast { leader.flights.slot?.countCaller(.callersCalled, since: began) }
    }

    /// Takes the lease out: who gets it ends it.
    private func end() throws(TokenRefreshError) -> State {
        guard let last = take() else { throw wrap(.lease(.ended)) }
        return last
    }

    /// The same; `nil` where it was ended before.
    private func take() -> State? {
        guard madeIn == forkGeneration() else { return nil }
        let last: State = mutex.withLock {
            defer { state = .ended }
            return state
        }
        if case .ended = last { return nil }
        return last
    }

    /// Keeps the lease through a pause and one more call; `nil` where it is not to be kept.
    private func holdOn(for pause: Duration) -> Duration? {
        let configuration = leader.configuration
        let call = max(configuration.requestTimeout + configuration.leaseMargin, configuration.lease)
        let current: State = mutex.withLock {
            if case .alone = state { state = .alone(notBefore: .now().advanced(by: pause)) }
            return state
        }
        switch current {
        case .held(let table, let tenure):
            let notBefore = BootInstant.now().advanced(by: pause)
            let renewed = try? table.renew(
                tenure, until: notBefore.advanced(by: call), notBefore: notBefore,
                deadline: MonotonicInstant.now().advanced(by: configuration.publishTimeout))
            if case .store = renewed { return pause }
            return nil
        case .alone(let notBefore):
            leader.flight.lead(aloneUntil: notBefore.advanced(by: call))
            return pause
        case .ended: return nil
        }
    }

    private func answerOfOthers(_ table: LeaseTable, _ tenure: Tenure) throws(TokenRefreshError) -> RefreshResult {
        let known = Handover(claim: Claim(joined: tenure.generation), table: table)
        let seeker = LeaseSeeker(leader.flights, tenure.key, leader.configuration, knowing: known)
        let outcome = seeker.storedOutcome(
            until: MonotonicInstant.now().advanced(by: leader.configuration.publishTimeout))
        switch outcome {
        case .success(let success): return RefreshResult(success)
        case .failure(let failure): throw wrap(failure)
        case nil: throw wrap(.lease(.passed))
        }
    }

    private func wrap(_ failure: FlightFailure) -> TokenRefreshError {
        TokenRefreshError(failure, context: leader.request.context)
    }
}
