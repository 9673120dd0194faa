import LeaseTable
import ProcessSupport

/// Leads flights that have no blocking caller to lead them: those of asynchronous callers.
enum FlightThread {
    /// Starts a thread that leads until the flight has ended or nobody is left in it.
    ///
    /// - Parameter isCaller: As for ``FlightLeader/lead(until:knowing:isCaller:)``.
    static func start(_ leader: FlightLeader, until deadline: MonotonicInstant, isCaller: Bool = true) {
        do throws(SystemCallError) {
            try LibraryThread.start(holdingOffForks: true) { run(leader, until: deadline, isCaller: isCaller) }
        } catch {
            leader.flights.remove(leader.flight)
            leader.flight.finish(.failure(.resources(error)))
        }
    }

    /// Passes the lead on: to a blocking caller if there is one, else to a thread if anybody is left.
    static func handOver(_ leader: FlightLeader, _ handover: Handover) {
        switch leader.flight.stepDown(handover, ifNobody: { leader.flights.remove(leader.flight) }) {
        case .follower, .nobody: return
        case .needsThread(let deadline):
            // Those it leads for wait themselves, and are counted.
            start(leader, until: deadline, isCaller: false)
        }
    }

    private static func run(_ leader: FlightLeader, until deadline: MonotonicInstant, isCaller: Bool) {
        let end = leader.lead(until: deadline, knowing: leader.flight.handedDown, isCaller: isCaller)
        if case .deadline(let handover) = end { handOver(leader, handover) }
    }
}
