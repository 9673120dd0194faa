import FleetCounters
import LeaseTable
import ProcessSupport

/// A caller's wait for somebody else's call, as the fleet's counters show it. It ends with the object at the latest; in a
/// forked child it is the parent's, and left alone.
///
/// Who waits while the leader of this process's first flight is still opening the table is counted in as soon as there is
/// something to count in.
final class WaitMark: @unchecked Sendable {
    private let key: RecordKey
    private let began = MonotonicInstant.now()
    private let madeIn = forkGeneration()
    private let mutex = TimedMutex()
    /// Guarded by `mutex`.
    private var state = State.unseen

    private enum State {
        case unseen
        case seen(FleetSlot, FleetSlot.Wait)
        case over
    }

    init(in flights: FlightTable, for key: RecordKey) {
        self.key = key
        flights.slot(orLaterFor: self).map(begin)
    }

    deinit {
        end()
    }

    /// Counts it in, unless it is over.
    func begin(in slot: FleetSlot) {
        mutex.withLock {
            if case .unseen = state { state = .seen(slot, slot.beginWaiting(for: key, since: began)) }
        }
    }

    /// The caller waits no more. Nothing happens where that was said before.
    func end() {
        guard forkGeneration() == madeIn else { return }
        let last: State = mutex.withLock {
            defer { state = .over }
            return state
        }
        if case .seen(let slot, let wait) = last { slot.endWaiting(wait) }
    }
}
