import LeaseTable
import ProcessSupport

/// A write transaction under way: `LeaseTable.write(until:_:)`.
struct PendingWrite {
    enum Kind {
        case claim
        case renew(until: BootInstant, notBefore: BootInstant?)
        case publish(body: Int)
        case fail(OutcomeKind, notBefore: BootInstant?)
        case abandon
    }

    /// Lock, then read the clock and decide, then commit. Each is a step of its own.
    enum Phase { case lock, decide, commit }

    /// Where room is lacking, everything is tried once more after a sweep.
    enum Stage { case first, sweep, again }

    enum Change {
        case store(LeaseRecord)
        case delete
    }

    let kind: Kind
    let table: SimulatedTable
    let key: Int
    let deadline: UInt64
    var phase = Phase.lock
    var stage = Stage.first
    var now = BootInstant.zero
    var before: LeaseRecord?
    var change: Change?
    /// What the writer is told once the change is committed.
    var ending: WriteEnding?

    init(_ kind: Kind, table: SimulatedTable, key: Int, deadline: UInt64) {
        self.kind = kind
        self.table = table
        self.key = key
        self.deadline = deadline
    }
}

/// How a write ended: `ClaimResult`, `RenewDecision`, `EndResult`, or the errors that matter.
enum WriteEnding {
    case granted(SimulatedTenure)
    case decided(ClaimDecision)
    case stored
    case lost
    case ignored
    case adopted(SealedOutcome)
    case timedOut
    case noRoom
}
