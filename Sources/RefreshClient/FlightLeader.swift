import LeaseTable
import Logging
import ProcessSupport

/// What a leader that leaves knows of the lease it waited on, for the next one.
struct Handover {
    var claim = Claim()
    /// The table that the wait is in.
    var table: LeaseTable?
}

/// Leads one flight for as long as one caller, or one thread, has time: looks at the table, waits on another process's
/// lease, or claims it and has a thread of the library make the call.
struct FlightLeader {
    let flights: FlightTable
    let flight: Flight
    let request: RefreshRequest
    let upstream: any Upstream
    let configuration: RefreshConfiguration

    /// How leading ended.
    enum End {
        /// The flight has its outcome.
        case finished
        /// A thread of the library leads now.
        case handedToThread
        /// The time was up, and the flight goes on without this leader; see ``Flight/stepDown(_:ifNobody:)``.
        case deadline(Handover)
    }

    /// Leads until the flight has ended, the call is under way, or the deadline has come.
    func lead(until deadline: MonotonicInstant) -> End {
        var (claim, table) = flight.handedDown
        // The last leader may have been another client's.
        table = table?.with(configuration)
        var round = 0
        var prepared: PreparedPipe?
        var mustBeCurrent = false
        // Whether the last look showed a lease or an outcome of somebody else's.
        var sawOther = false
        // Held until the record was read again: see WaitResult.
        var waitingEnd: WaitingEnd?
        while true {
            // Looks go to the table that is open; only a claim must be made in the one that is at the path now. A wait
            // goes on where it began.
            let current: LeaseTable
            do throws(LeaseTableError) {
                if let known = table {
                    current = known
                } else if !mustBeCurrent, let open = flights.openTable {
                    current = open.with(configuration)
                } else {
                    current = try flights.currentTable(configuration, deadline: deadline).with(configuration)
                }
                mustBeCurrent = false
                table = current
            } catch {
                if error.isTimeout { return .deadline(Handover(claim: claim, table: table)) }
                return finish(.failure(.directory(error)))
            }
            do throws(LeaseTableError) {
                var decision = try current.look(at: flight.key, as: claim, deadline: deadline)
                withExtendedLifetime(waitingEnd) {}
                waitingEnd = nil
                sawOther = decision.isOthers
                if case .claimable = decision {
                    guard current.isCurrent else {
                        // Claimed here, it would be seen by nobody else.
                        claim = Claim()
                        prepared = nil
                        table = nil
                        mustBeCurrent = true
                        sawOther = false
                        continue
                    }
                    // Who lost a race still has the pipe that nobody was told of.
                    let pipe: PreparedPipe
                    if let kept = prepared { pipe = kept } else { pipe = try current.preparePipe() }
                    prepared = pipe
                    switch try current.claim(flight.key, as: claim, pipe: pipe, deadline: deadline) {
                    case .granted(let tenure): return begin(tenure, in: current, deadline: deadline)
                    case .decided(let other):
                        decision = other
                        sawOther = decision.isOthers
                    }
                }
                switch decision {
                case .hit(let sealed):
                    if let success = try open(sealed, in: current, deadline: deadline, OutcomePayload.decodeSuccess) {
                        flights.count(\.hits)
                        return finish(.success(success))
                    }
                case .failed(let sealed, _):
                    if let attempts = try open(sealed, in: current, deadline: deadline, OutcomePayload.decodeFailure)
                    {
                        return finish(.failure(.upstream(attempts)))
                    }
                case .wait(let until):
                    guard sleep(until: until, deadline: deadline) else {
                        return .deadline(Handover(claim: claim, table: table))
                    }
                case .join(let generation, let holder, let pipe, let leaseEnds, _):
                    round = claim.joined == generation ? round + 1 : 0
                    claim = Claim(joined: generation)
                    let lease = JoinedLease(
                        key: flight.key, generation: generation, holder: holder, pipe: pipe, leaseEnds: leaseEnds)
                    switch try configuration.waitStrategy.wait(
                        for: lease, round: round, in: current, until: deadline)
                    {
                    case .lookAgain(let end): waitingEnd = end
                    case .holderDied(let end):
                        waitingEnd = end
                        claim.hungUp = generation
                    }
                case .claimable:
                    // The claim's own decision is never that.
                    continue
                }
            } catch {
                if error.isTimeout { return .deadline(Handover(claim: claim, table: table)) }
                return coordinationFailed(error, mayGoAlone: !sawOther)
            }
            if MonotonicInstant.now() >= deadline { return .deadline(Handover(claim: claim, table: table)) }
        }
    }

    private func finish(_ outcome: FlightOutcome) -> End {
        flights.remove(flight)
        flight.finish(outcome)
        return .finished
    }

    private func begin(_ tenure: Tenure, in table: LeaseTable, deadline: MonotonicInstant) -> End {
        flights.count(\.claims)
        if tenure.takeover != nil { flights.count(\.takeovers) }
        let call = HolderCall(leader: self, table: table, tenure: tenure)
        do throws(SystemCallError) {
            try LibraryThread.start(holdingOffForks: true) { call.run() }
            return .handedToThread
        } catch {
            // Others may have a thread: let them have the lease.
            try? table.abandon(tenure, deadline: deadline)
            return finish(.failure(.resources(error)))
        }
    }

    /// The table failed before a claim, although its directory could be opened. Without it only where no read has shown
    /// a live lease or an outcome.
    private func coordinationFailed(_ error: LeaseTableError, mayGoAlone: Bool) -> End {
        let goesAlone = mayGoAlone && configuration.whenCoordinationFails == .refreshAlone
        flights.count(\.coordinationFailures)
        configuration.logger.error(
            "the lease table failed",
            metadata: [
                "directory": "\(flights.directory)", "error": "\(error)",
                "then": "\(goesAlone ? CoordinationFailurePolicy.refreshAlone : .fail)",
            ])
        guard goesAlone else {
            return finish(.failure(.coordination(error)))
        }
        flights.count(\.refreshedAlone)
        let call = LoneCall(leader: self)
        do throws(SystemCallError) {
            try LibraryThread.start(holdingOffForks: true) { call.run() }
            return .handedToThread
        } catch {
            return finish(.failure(.resources(error)))
        }
    }

    /// Opens an outcome; `nil` where it does not open, and was discarded so that the key can be claimed.
    private func open<Payload>(
        _ sealed: SealedOutcome, in table: LeaseTable, deadline: MonotonicInstant,
        _ decode: ([UInt8]) -> Payload?
    ) throws(LeaseTableError) -> Payload? {
        if let payload = Self.payload(of: sealed, key: flight.key, decode) { return payload }
        flights.count(\.discardedOutcomes)
        configuration.logger.warning(
            "a stored outcome does not open and is discarded",
            metadata: ["key": "\(flight.key.recordKey.shortDescription)"])
        try table.discard(sealed, of: flight.key, deadline: deadline)
        return nil
    }

    static func payload<Payload>(
        of sealed: SealedOutcome, key: KeyMaterial, _ decode: ([UInt8]) -> Payload?
    ) -> Payload? {
        guard let plaintext = try? SealedOutcome.open(sealed, key: key) else { return nil }
        return decode(plaintext)
    }

    /// Sleeps until an instant of the records' clock; false where the deadline comes first.
    private func sleep(until instant: BootInstant, deadline: MonotonicInstant) -> Bool {
        let untilInstant = BootInstant.now().duration(to: instant)
        let untilDeadline = MonotonicInstant.now().duration(to: deadline)
        pause(for: min(untilInstant, untilDeadline))
        return untilInstant < untilDeadline
    }
}

extension ClaimDecision {
    /// Whether somebody else holds the lease, or has ended it with an outcome.
    fileprivate var isOthers: Bool {
        switch self {
        case .hit, .failed, .join: true
        case .wait, .claimable: false
        }
    }
}
