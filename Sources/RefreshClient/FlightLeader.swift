import FleetCounters
import LeaseTable
import Logging
import ProcessSupport

/// What a leader that leaves knows of the lease it waited on, for the next one.
struct Handover {
    var claim = Claim()
    /// The table that the wait is in.
    var table: LeaseTable?
    /// What a first look has shown just now, and nobody has acted on.
    var seen: ClaimDecision?
}

/// Leads one flight for as long as one caller, or one thread, has time: seeks the lease, waits on another process's, or
/// holds it and has a thread of the library make the call.
///
/// An object, since it is handed on from step to step, and long to copy. Immutable.
final class FlightLeader: Sendable {
    let flights: FlightTable
    let flight: Flight
    let request: RefreshRequest
    let upstream: any Upstream
    let configuration: RefreshConfiguration

    init(
        flights: FlightTable, flight: Flight, request: RefreshRequest, upstream: any Upstream,
        configuration: RefreshConfiguration
    ) {
        self.flights = flights
        self.flight = flight
        self.request = request
        self.upstream = upstream
        self.configuration = configuration
    }

    /// How seeking ended.
    enum Find {
        /// The flight has its outcome.
        case finished
        /// The lease is ours.
        case granted(Tenure, LeaseTable)
        /// The table failed, and the configuration says to refresh without it.
        case alone
        /// The time was up, and the flight goes on without this leader; see ``Flight/stepDown(_:ifNobody:)``.
        case deadline(Handover)
    }

    /// How leading ended.
    enum End {
        /// The flight has its outcome.
        case finished
        /// A thread of the library leads now.
        case handedToThread
        /// As ``Find/deadline(_:)``.
        case deadline(Handover)
    }

    /// Leads until the flight has ended, the call is under way, or the deadline has come.
    ///
    /// - Parameters:
    ///   - known: What this leader has seen itself, or what the last one knew.
    ///   - isCaller: Whether this is a caller, or leads in one's place: then it counts as waiting while it waits for
    ///     somebody else.
    func lead(until deadline: MonotonicInstant, knowing known: Handover, isCaller: Bool = true) -> End {
        switch seek(until: deadline, knowing: known, isCaller: isCaller) {
        case .finished: return .finished
        case .deadline(let handover): return .deadline(handover)
        case .granted(let tenure, let table):
            let call = HolderCall(leader: self, table: table, tenure: tenure)
            return inThread(
                { call.run() },
                // Others may have a thread: let them have the lease.
                otherwise: { try? table.abandon(tenure, deadline: deadline) })
        case .alone:
            flights.count(\.refreshedAlone, .refreshedAlone)
            let call = LoneCall(leader: self)
            return inThread({ call.run() }, otherwise: {})
        }
    }

    /// Leads until the flight has ended, the call is this caller's to make, or the deadline has come.
    ///
    /// - Parameters:
    ///   - known: As for ``lead(until:knowing:isCaller:)``.
    ///   - isCaller: Likewise.
    func seek(until deadline: MonotonicInstant, knowing known: Handover, isCaller: Bool = true) -> Find {
        var seeker = LeaseSeeker(flights, flight.key, configuration, knowing: known)
        var mark: WaitMark?
        defer { mark?.end() }
        while true {
            switch seeker.step(until: deadline) {
            case .granted(let tenure, let table): return .granted(tenure, table)
            case .ended(let outcome):
                finish(outcome, from: seeker.hasJoined ? .othersCall : .stored)
                return .finished
            case .wait(let instant):
                guard sleep(until: instant, deadline: deadline) else { return .deadline(seeker.handover) }
            case .join(let lease, let round, let table):
                if isCaller, mark == nil { mark = WaitMark(in: flights, for: flight.key.recordKey) }
                do throws(LeaseTableError) {
                    seeker.woke(
                        try configuration.waitStrategy.wait(for: lease, round: round, in: table, until: deadline))
                } catch {
                    // What was joined is somebody else's: nobody goes alone beside it.
                    if !error.isTimeout { return coordinationFailed(error, sawOthers: true) }
                }
            case .timedOut: return .deadline(seeker.handover)
            case .failed(let error, let sawOthers): return coordinationFailed(error, sawOthers: sawOthers)
            }
            if MonotonicInstant.now() >= deadline { return .deadline(seeker.handover) }
        }
    }

    /// Ends the flight.
    func finish(_ outcome: FlightOutcome, from origin: OutcomeOrigin = .ownCall) {
        flights.remove(flight)
        flight.finish(outcome, from: origin)
    }

    private func inThread(_ run: @escaping @Sendable () -> Void, otherwise letGo: () -> Void) -> End {
        do throws(SystemCallError) {
            try LibraryThread.start(holdingOffForks: true, run)
            return .handedToThread
        } catch {
            letGo()
            finish(.failure(.resources(error)))
            return .finished
        }
    }

    private func coordinationFailed(_ error: LeaseTableError, sawOthers: Bool) -> Find {
        if flights.mayGoAlone(after: error, sawOthers: sawOthers, configuration) { return .alone }
        finish(.failure(.coordination(error)))
        return .finished
    }

    /// Sleeps until an instant of the records' clock; false where the deadline comes first.
    private func sleep(until instant: BootInstant, deadline: MonotonicInstant) -> Bool {
        let untilInstant = BootInstant.now().duration(to: instant)
        let untilDeadline = MonotonicInstant.now().duration(to: deadline)
        pause(for: min(untilInstant, untilDeadline))
        return untilInstant < untilDeadline
    }
}

extension FlightTable {
    /// Counts and logs a failure of the table, and says whether to refresh without it: where the configuration has it so,
    /// and no read has shown a live lease or an outcome of others.
    func mayGoAlone(
        after error: LeaseTableError, sawOthers: Bool, _ configuration: RefreshConfiguration
    ) -> Bool {
        let goesAlone = !sawOthers && configuration.whenCoordinationFails == .refreshAlone
        count(\.coordinationFailures, .coordinationFailures)
        configuration.logger.error(
            "the lease table failed",
            metadata: [
                "directory": "\(directory)", "error": "\(error)",
                "then": "\(goesAlone ? CoordinationFailurePolicy.refreshAlone : .fail)",
            ])
        return goesAlone
    }
}
