import LeaseTable
import ProcessSupport

/// Leads flights that have no blocking caller to lead them: those of asynchronous callers.
enum FlightThread {
    /// Starts a thread that leads until the flight has ended or nobody is left in it.
    static func start(_ leader: FlightLeader, until deadline: MonotonicInstant) {
        do throws(SystemCallError) {
            try LibraryThread.start(holdingOffForks: true) { run(leader, until: deadline) }
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
            var leader = leader
            leader.isCaller = false
            start(leader, until: deadline)
        }
    }

    private static func run(_ leader: FlightLeader, until deadline: MonotonicInstant) {
        if case .deadline(let handover) = leader.lead(until: deadline) { handOver(leader, handover) }
    }
}
