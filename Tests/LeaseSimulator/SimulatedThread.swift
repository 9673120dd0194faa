import LeaseTable
import ProcessSupport

/// A thread as a step machine: where it is, what it waits for, and the local variables of the real functions.
final class SimulatedThread {
    enum Role { case caller, flightLeader, holder, lone, watch }

    let number: Int
    let process: SimulatedProcess
    let role: Role
    let caller: SimulatedCaller?
    var point: Point
    var wait = Wait.ready
    /// A condition variable was broadcast, or a signal came.
    var isSignalled = false
    var isDone = false

    // FlightLeader.lead(until:), RefreshClient.outcome(of:until:)
    var flight: SimulatedFlight?
    var key: Int
    var deadline: UInt64
    var claim = Claim()
    var table: SimulatedTable?
    var round = 0
    var prepared: PreparedName?
    var end: ReadingEnd?
    var snapshot: LeaseRecord?
    var joined: JoinedFacts?
    var outcome: SimulatedOutcome?
    var pollUntil: UInt64 = 0

    // HolderCall
    var tenure: SimulatedTenure?
    var attempts = 0
    var lastAnswer: SimulatedCall.Answer?
    var call: SimulatedCall?
    var giveUp: UInt64 = 0
    var success: Int?
    var isSuccessSettled = false
    var isDelivered = false
    var afterFinish = Point.done
    /// What the last check before sending found: whether its generation held, and when it was asked.
    var check: (wasHolding: Bool, at: BootInstant)?

    // LeaseTable.write(until:_:)
    var write: PendingWrite?
    var ending: WriteEnding?
    var wakeOther: WakePipeName?
    var otherPipe: SimulatedPipe?
    var afterWake = Point.done
    /// Committed, and has not yet woken whom it must.
    var owesWake = false
    var sleptAtStep = 0

    init(
        number: Int, process: SimulatedProcess, role: Role, caller: SimulatedCaller?, key: Int, deadline: UInt64,
        point: Point
    ) {
        self.number = number
        self.process = process
        self.role = role
        self.caller = caller
        self.key = key
        self.deadline = deadline
        self.point = point
    }
}

/// A pipe made for a claim: `PreparedPipe`.
struct PreparedName {
    let pipe: SimulatedPipe?
    let name: WakePipeName
}

/// A lease that was joined: `JoinedLease`.
struct JoinedFacts {
    let generation: Generation
    let holder: Holder
    let pipe: WakePipeName
    let leaseEnds: BootInstant
}

/// What a thread waits for.
enum Wait {
    case ready
    case until(UInt64)
    /// The write lock of the pending write's table.
    case lock(until: UInt64)
    /// `poll` on the waiting end.
    case pipe(until: UInt64)
    /// The flight's condition variable.
    case flight(until: UInt64)
    case answer
    /// Callers whose time is up.
    case deadlines
}

/// The next step of a thread. Between any two of them its process may be stopped or killed.
enum Point {
    // RefreshClient.outcome(of:until:), RefreshClient.enroll(_:_:_:in:)
    case storedResult, storedResultDecide, joinFlight, follow, following, enroll, startLeader, checkEnded
    // FlightLeader.lead(until:)
    case leadTable, lookRead, lookDecide, checkCurrent, preparePipe, claimed, sleptUntilNotBefore, handOver
    case abandoned
    // PipeWait.wait, PollWait.wait
    case openPipe, secondRead, secondDecide, probe, wokenByPipe, beginPoll, polled
    // HolderCall
    case maySendRead, maySendDecide, renewedBeforeSend, send, answered, holdOn, heldOn
    case noteUnpublished, publish, published, renewForPublish, pauseForPublish, fail, failed, rejoin, release, unlink
    // LoneCall
    case loneSend, loneAnswered
    // FlightLeader.finish(_:), HolderCall.finish(_:)
    case finishRemove, finishDeliver
    // LeaseTable.publish, fail, abandon: after the commit
    case wakeOwn, openOther, writeOther
    case watch, done
}
