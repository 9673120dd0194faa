import FleetCounters
import LeaseTable
import ProcessSupport

/// What ``RefreshClient/begin(_:lease:deadline:)`` comes to.
public enum BeginResult: Sendable {
    /// The result, made by somebody else.
    case result(RefreshResult)
    /// This caller is the one to call the upstream.
    case holder(HeldLease)
}

extension RefreshClient {
    /// Gets the result, or the lease: a refresh in two halves, for callers that make the upstream's call themselves.
    /// Blocks, for `deadline` at the most (the configuration's where it is `nil`). The client's own upstream is not
    /// called; it only says, by its identity, what is the same.
    ///
    /// Other callers of this process wait for a lease got here as those of other processes do, through the table: a
    /// holder that hangs is passed when its lease ends.
    ///
    /// - Parameters:
    ///   - request: What is to be refreshed, and for whom.
    ///   - lease: How long the lease lasts, if this caller gets it: longer than its call can take, retries included.
    ///     `nil` for the configuration's.
    ///   - deadline: How long this caller waits at the most.
    /// - Throws: ``TokenRefreshError``, with this request's own context.
    public func begin(
        _ request: RefreshRequest, lease: Duration? = nil, deadline: Duration? = nil
    ) throws(TokenRefreshError) -> BeginResult {
        let began = MonotonicInstant.now()
        let until = began.advanced(by: deadline ?? configuration.callerDeadline)
        return try Forks.heldOff { () throws(TokenRefreshError) in
            do throws(FlightFailure) {
                return try begin(request, lease: lease, since: began, until: until)
            } catch {
                throw TokenRefreshError(error, context: request.context)
            }
        }
    }

    private func begin(
        _ request: RefreshRequest, lease: Duration?, since began: MonotonicInstant, until deadline: MonotonicInstant
    ) throws(FlightFailure) -> BeginResult {
        let key = try key(of: request)
        let flights = FlightTable.current(for: directory)
        var known = Handover()
        if let result = storedResult(key, in: flights, since: began, deadline: deadline, otherwise: &known) {
            return .result(RefreshResult(result))
        }
        let (flight, isNew) = flights.flightToJoin(key)
        var leads = isNew
        while true {
            if leads {
                let leader = leader(of: flight, in: flights, request, lease: lease)
                switch leader.seek(until: deadline, knowing: known) {
                case .finished: break
                case .granted(let tenure, let table):
                    let held = HeldLease(leader, holding: tenure, in: table, since: began)
                    FlightThread.handOver(
                        lease == nil ? leader : self.leader(of: flight, in: flights, request),
                        Handover(claim: Claim(joined: tenure.generation), table: table))
                    // Only who was told of a pause has anything to wait for.
                    guard tenure.notBefore != .zero else { return .holder(held) }
                    switch pauseEnd(held, until: deadline) {
                    case .over: return .holder(held)
                    case .leaseLost: return try begin(request, lease: lease, since: began, until: deadline)
                    case .deadline:
                        held.abandon()
                        return try ended(.failure(.deadline(nil)), from: .othersCall, in: flights, since: began)
                    }
                case .alone: return .holder(HeldLease(aloneIn: leader, since: began))
                case .deadline(let handover):
                    FlightThread.handOver(self.leader(of: flight, in: flights, request), handover)
                    return try ended(
                        flight.outcomeAtDeadline ?? .failure(.deadline(nil)), from: .othersCall, in: flights,
                        since: began)
                }
            }
            let mark = leads ? nil : WaitMark(in: flights, for: key.recordKey)
            defer { mark?.end() }
            switch flight.follow(until: deadline) {
            case .outcome(let outcome):
                return try ended(outcome, from: leads ? flight.cameFrom : .othersCall, in: flights, since: began)
            case .leads:
                leads = true
                known = flight.handedDown
            case .deadline:
                return try ended(.failure(.deadline(nil)), from: .othersCall, in: flights, since: began)
            }
        }
    }

    /// Counts the caller, and gives it what it gets.
    private func ended(
        _ outcome: FlightOutcome, from origin: OutcomeOrigin, in flights: FlightTable, since began: MonotonicInstant
    ) throws(FlightFailure) -> BeginResult {
        flights.slot?.countCaller(outcome, from: origin, since: began)
        return .result(RefreshResult(try outcome.get()))
    }

    /// How waiting for the end of a pause ended.
    private enum PauseEnd {
        /// The call may be made. That the table could not be asked is left to the holder's own
        /// ``HeldLease/maySend(callTimeout:)``.
        case over
        /// The lease was lost meanwhile.
        case leaseLost
        /// The pause is longer than the caller waits.
        case deadline
    }

    /// Waits for the end of a pause that the upstream asked the last holder for.
    private func pauseEnd(_ held: HeldLease, until deadline: MonotonicInstant) -> PauseEnd {
        while let permission = try? held.maySend(callTimeout: .zero) {
            switch permission {
            case .send: return .over
            case .lost: return .leaseLost
            case .wait(let interval):
                guard interval < MonotonicInstant.now().duration(to: deadline) else { return .deadline }
                // A signal may end it early.
                pause(for: interval)
            }
        }
        return .over
    }
}
