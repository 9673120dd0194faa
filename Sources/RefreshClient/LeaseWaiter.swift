import FleetCounters
import LeaseTable
import ProcessSupport

/// A caller that waits without a thread: for event loops, which watch a descriptor and then resume.
///
/// Nothing here waits for another caller. The table alone decides between this caller and those of other processes and
/// threads: it joins no flight but that of a refresh without the table, of which nobody else knows. A lease it gets is one
/// that callers on threads of this process join through the table as well.
///
/// A value that is to be used by one thread at a time, and not to be copied. It belongs to the process that made it.
public struct LeaseWaiter: Sendable {
    /// How long ``resume()`` may take for the table's locks.
    public static let longestStep = Duration.milliseconds(20)

    private let client: RefreshClient
    private let request: RefreshRequest
    private let flights: FlightTable
    private let configuration: RefreshConfiguration
    private let deadline: MonotonicInstant
    private var seeker: LeaseSeeker
    private var standing = Standing.seeking
    private let began = MonotonicInstant.now()
    /// Its wait for somebody else, while there is one.
    private var mark: WaitMark?

    /// What this caller waits for.
    private enum Standing: Sendable {
        case seeking
        /// The pipe of the lease that was joined.
        case watching(WaitingEnd)
        /// A lease that was joined and is polled.
        case polling(JoinedLease)
        /// The end of a pause, with the lease in hand.
        case pausing(HeldLease)
        /// The outcome of a refresh without the table, by somebody of this process.
        case following(Flight)
    }

    /// How far the caller is.
    public enum Progress: Sendable {
        /// The result, made by somebody else. The wait is over.
        case result(RefreshResult)
        /// This caller is the one to call the upstream. The wait is over.
        case holder(HeldLease)
        /// Resume when `descriptor` is readable (`nil`: there is none), or after the time at the latest. The descriptor
        /// is to be polled only, and good until then.
        case wait(descriptor: Int32?, atMost: Duration)
    }

    init(
        _ client: RefreshClient, _ request: RefreshRequest, lease: Duration?, until deadline: MonotonicInstant
    ) throws(FlightFailure) {
        self.client = client
        self.request = request
        self.deadline = deadline
        flights = FlightTable.current(for: client.directory)
        var configuration = client.configuration
        configuration.lease = lease ?? configuration.lease
        self.configuration = configuration
        seeker = LeaseSeeker(flights, try client.key(of: request), configuration, knowing: Handover())
    }

    /// Looks how things stand, and claims the lease where nobody holds it. Takes ``longestStep`` at the most.
    ///
    /// - Throws: ``TokenRefreshError``, with the request's own context; at the deadline too. The wait is then over.
    public mutating func resume() throws(TokenRefreshError) -> Progress {
        try Forks.heldOff { () throws(TokenRefreshError) in
            do throws(FlightFailure) {
                let progress = try advance()
                note(progress)
                return progress
            } catch {
                unmark()
                flights.slot?.countCaller(.failure(error), from: origin, since: began)
                throw TokenRefreshError(error, context: request.context)
            }
        }
    }

    /// Counts the caller as waiting or not, and at its end.
    private mutating func note(_ progress: Progress) {
        switch progress {
        case .holder: unmark()
        case .result(let result):
            unmark()
            let success = UpstreamSuccess(body: result.body, requestID: result.requestID)
            flights.slot?.countCaller(.success(success), from: origin, since: began)
        case .wait:
            switch standing {
            case .watching, .polling, .following:
                if mark == nil { mark = WaitMark(in: flights, for: seeker.key.recordKey) }
            case .seeking, .pausing: unmark()
            }
        }
    }

    private mutating func unmark() {
        mark?.end()
        mark = nil
    }

    private var origin: OutcomeOrigin { seeker.hasJoined ? .othersCall : .stored }

    private mutating func advance() throws(FlightFailure) -> Progress {
        switch standing {
        case .seeking: break
        case .watching(let end):
            seeker.woke(end.wait(for: .zero) == .hungUp ? .holderDied(end) : .lookAgain(end))
        case .polling(let lease):
            seeker.woke(lease.holder.isAlive ? .lookAgain(nil) : .holderDied(nil))
        case .pausing(let held):
            if let progress = try granted(held) { return progress }
        case .following(let flight):
            return try following(flight)
        }
        standing = .seeking
        let stepEnds = min(deadline, MonotonicInstant.now().advanced(by: Self.longestStep))
        while true {
            let now = MonotonicInstant.now()
            if now >= deadline { throw .deadline(nil) }
            // The table is slow to answer, or changes faster than it can be read.
            if now >= stepEnds { return wait(atMost: Self.longestStep) }
            switch seeker.step(until: stepEnds) {
            case .granted(let tenure, let table):
                let held = HeldLease(
                    leader(of: Flight(key: seeker.key)), holding: tenure, in: table, since: began)
                if tenure.notBefore == .zero { return .holder(held) }
                if let progress = try granted(held) { return progress }
            case .ended(let outcome): return .result(RefreshResult(try outcome.get()))
            case .wait(let instant): return wait(atMost: BootInstant.now().duration(to: instant))
            case .timedOut: continue
            case .failed(let error, let sawOthers): return try failed(error, sawOthers)
            case .join(let lease, let round, let table):
                do throws(LeaseTableError) {
                    if let progress = try join(lease, round, table, until: stepEnds) { return progress }
                } catch {
                    if !error.isTimeout { return try failed(error, true) }
                }
            }
        }
    }

    /// What to wait for; `nil` where it is to be looked again at once.
    private mutating func join(
        _ lease: JoinedLease, _ round: Int, _ table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> Progress? {
        if configuration.waitStrategy.makesPipes {
            switch try PipeWait().approach(lease, in: table, until: deadline) {
            case .over(let result):
                seeker.woke(result)
                return nil
            case .ahead(let end):
                standing = .watching(end)
                return wait(on: end.descriptor, atMost: BootInstant.now().duration(to: lease.leaseEnds))
            case .unseen: break
            }
        }
        standing = .polling(lease)
        return wait(atMost: PollWait.interval(before: lease, round: round, configuration))
    }

    private func wait(on descriptor: Int32? = nil, atMost duration: Duration) -> Progress {
        let left = MonotonicInstant.now().duration(to: deadline)
        return .wait(descriptor: descriptor, atMost: max(.zero, min(duration, left)))
    }

    // MARK: With the lease in hand

    /// How far a caller is that has the lease; `nil` where it was lost, and is to be sought anew.
    private mutating func granted(_ held: HeldLease) throws(FlightFailure) -> Progress? {
        switch try? held.maySend(callTimeout: .zero) {
        // That the table could not be asked is left to the holder's own ``HeldLease/maySend(callTimeout:)``.
        case .send, nil: return .holder(held)
        case .lost: return nil
        case .wait(let interval):
            guard interval < MonotonicInstant.now().duration(to: deadline) else {
                held.abandon()
                throw .deadline(nil)
            }
            standing = .pausing(held)
            return wait(atMost: interval)
        }
    }

    // MARK: Without the table

    private mutating func failed(_ error: LeaseTableError, _ sawOthers: Bool) throws(FlightFailure) -> Progress {
        guard flights.mayGoAlone(after: error, sawOthers: sawOthers, configuration) else {
            throw .coordination(error)
        }
        let (flight, isNew) = flights.flightToJoin(seeker.key)
        if isNew { return .holder(HeldLease(aloneIn: leader(of: flight), since: began)) }
        return try following(flight)
    }

    private mutating func following(_ flight: Flight) throws(FlightFailure) -> Progress {
        if let outcome = flight.ended { return .result(RefreshResult(try outcome.get())) }
        if flight.lead() { return .holder(HeldLease(aloneIn: leader(of: flight), since: began)) }
        if MonotonicInstant.now() >= deadline {
            if let outcome = flight.outcomeAtDeadline { return .result(RefreshResult(try outcome.get())) }
            throw .deadline(nil)
        }
        standing = .following(flight)
        return wait(atMost: configuration.longestPoll)
    }

    private func leader(of flight: Flight) -> FlightLeader {
        client.leader(of: flight, in: flights, request, lease: configuration.lease)
    }
}

extension RefreshClient {
    /// As ``begin(_:lease:deadline:)``, for event loops: a waiter that has not looked yet. Its first
    /// ``LeaseWaiter/resume()`` does.
    ///
    /// - Throws: ``TokenRefreshError`` of code `invalidRequest`.
    public func waiter(
        for request: RefreshRequest, lease: Duration? = nil, deadline: Duration? = nil
    ) throws(TokenRefreshError) -> LeaseWaiter {
        let until = MonotonicInstant.now().advanced(by: deadline ?? configuration.callerDeadline)
        return try Forks.heldOff { () throws(TokenRefreshError) in
            do throws(FlightFailure) {
                return try LeaseWaiter(self, request, lease: lease, until: until)
            } catch {
                throw TokenRefreshError(error, context: request.context)
            }
        }
    }
}
