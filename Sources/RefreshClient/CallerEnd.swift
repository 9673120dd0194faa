import FleetCounters
import LeaseTable
import ProcessSupport

/// Where a flight's outcome came from, for the caller that led it; everybody else waited.
enum OutcomeOrigin: Sendable {
    /// It was stored.
    case stored
    /// Somebody else made the call.
    case othersCall
    /// A call was made for it.
    case ownCall
}

extension FleetSlot {
    /// Counts a caller that got `outcome`.
    func countCaller(_ outcome: FlightOutcome, from origin: OutcomeOrigin, since began: MonotonicInstant) {
        let counter: FleetCounter =
            switch outcome {
            case .success, .failure(.upstream): origin.counter
            case .failure(.deadline): .callersTimedOut
            case .failure: .callersFailed
            }
        countCaller(counter, since: began)
    }

    /// Counts a caller that leaves, and how long it was here.
    func countCaller(_ counter: FleetCounter, since began: MonotonicInstant) {
        count(counter)
        record(.call, began.duration(to: .now()))
    }
}

extension OutcomeOrigin {
    fileprivate var counter: FleetCounter {
        switch self {
        case .stored: .callersStored
        case .othersCall: .callersWaited
        case .ownCall: .callersCalled
        }
    }
}
