import LeaseTable
import ProcessSupport

/// How a flight ended, for everyone in it.
typealias FlightOutcome = Result<UpstreamSuccess, FlightFailure>

/// One key being refreshed in this process: the callers that wait for it, one of which, or a thread of the library,
/// leads: looks at the table, waits on the lease of another process, or claims it.
///
/// Every field is guarded by `mutex`, which is held for a few instructions only.
final class Flight: @unchecked Sendable {
    let key: KeyMaterial
    let mutex = TimedMutex()
    /// Signalled when there is an outcome, or no leader any more.
    let changed: TimedMutex.Condition
    /// How it ended. Set once.
    private(set) var outcome: FlightOutcome?
    /// Where that came from.
    private var origin = OutcomeOrigin.ownCall
    /// The upstream's answer, before it was stored: what a caller gets whose time is up while storing is held up.
    private var unpublished: UpstreamSuccess?
    /// Whether somebody leads. Who finds that nobody does, does.
    private var isLed = true
    /// Blocking callers that wait, the leader not among them.
    private var followers = 0
    /// Asynchronous callers that wait.
    private var asyncCallers: [ObjectIdentifier: AsyncCaller] = [:]
    /// When a leader outside the library counts as gone.
    private var abandonedAt: MonotonicInstant?
    /// What the last leader knew of the lease it waited on; for the next.
    private var handover = Handover()

    init(key: KeyMaterial) {
        self.key = key
        changed = TimedMutex.Condition(of: mutex)
    }

    // MARK: Leading

    /// What the last leader knew.
    var handedDown: Handover { mutex.withLock { handover } }

    /// Ends the flight. What comes after the first outcome is dropped.
    func finish(_ result: FlightOutcome, from source: OutcomeOrigin = .ownCall) {
        let waiting: [AsyncCaller] = mutex.withLock {
            guard outcome == nil else { return [] }
            outcome = result
            origin = source
            let waiting = Array(asyncCallers.values)
            asyncCallers = [:]
            return waiting
        }
        changed.broadcast()
        for caller in waiting { caller.complete(result) }
    }

    /// Notes what the upstream answered, before it is stored.
    func hold(unpublished success: UpstreamSuccess) {
        mutex.withLock { unpublished = success }
    }

    /// What a leader that leaves finds.
    enum Succession {
        /// A blocking caller leads from now on.
        case follower
        /// Only asynchronous callers are left: a thread must lead, until the latest of their deadlines.
        case needsThread(until: MonotonicInstant)
        /// Nobody is left.
        case nobody
    }

    /// Gives up leading without an outcome. Where nobody is left, `ifNobody` runs before anybody can join.
    func stepDown(_ known: Handover, ifNobody: () -> Void) -> Succession {
        // Whom the watch has not got to yet: a thread started for them would have no time either.
        let overdue: [AsyncCaller] = mutex.withLock {
            if asyncCallers.isEmpty { return [] }
            let now = MonotonicInstant.now()
            return asyncCallers.values.filter { $0.deadline <= now }
        }
        for caller in overdue { caller.expire() }
        return mutex.withLock {
            handover = known
            // Whoever leads next has a time of its own.
            abandonedAt = nil
            if followers > 0 {
                isLed = false
                changed.broadcast()
                return .follower
            }
            if let latest = asyncCallers.values.lazy.map(\.deadline).max() { return .needsThread(until: latest) }
            isLed = false
            ifNobody()
            return .nobody
        }
    }

    /// Where the outcome came from, for the caller that led.
    var cameFrom: OutcomeOrigin { mutex.withLock { origin } }

    /// How it ended, if it has.
    var ended: FlightOutcome? { mutex.withLock { outcome } }

    /// What a leader whose time is up gets: the outcome, where there is one by now, or what the upstream has answered.
    var outcomeAtDeadline: FlightOutcome? {
        mutex.withLock { outcome ?? unpublished.map { .success($0) } }
    }

    /// Has the caller that refreshes without the table lead until `instant` at least, and no longer than the latest such
    /// instant: if it has not ended the flight then, it never will, and newcomers do not join it.
    func lead(aloneUntil instant: MonotonicInstant) {
        mutex.withLock { abandonedAt = max(abandonedAt ?? instant, instant) }
    }

    /// Whether its leader has been given up.
    var isAbandoned: Bool {
        mutex.withLock { abandonedAt.map { $0 <= .now() } ?? false }
    }

    // MARK: Following

    /// How a follower's wait ended.
    enum FollowEnd {
        case outcome(FlightOutcome)
        /// Nobody led any more; now this caller does.
        case leads
        case deadline
    }

    /// Waits for the outcome, or for the lead to fall to this caller.
    func follow(until deadline: MonotonicInstant) -> FollowEnd {
        mutex.withLock {
            followers += 1
            defer { followers -= 1 }
            while true {
                if let outcome { return .outcome(outcome) }
                if !isLed {
                    isLed = true
                    return .leads
                }
                if !changed.wait(until: deadline) {
                    if let outcome { return .outcome(outcome) }
                    if let unpublished { return .outcome(.success(unpublished)) }
                    if !isLed {
                        // Somebody stepped down for us: pass it on, if there is anybody.
                        isLed = true
                        return .leads
                    }
                    return .deadline
                }
            }
        }
    }

    /// Takes the lead of a flight that nobody leads; false where somebody does, or where it has ended.
    func lead() -> Bool {
        mutex.withLock {
            if isLed || outcome != nil { return false }
            isLed = true
            return true
        }
    }

    // MARK: Asynchronous callers

    /// Adds a caller, which is completed by ``finish(_:)``; at once where the flight has ended.
    ///
    /// - Returns: Whether the caller's side must start a thread that leads.
    func enroll(_ caller: AsyncCaller) -> Bool {
        let (ended, mustLead): (FlightOutcome?, Bool) = mutex.withLock {
            if let outcome { return (outcome, false) }
            asyncCallers[ObjectIdentifier(caller)] = caller
            if isLed { return (nil, false) }
            isLed = true
            return (nil, true)
        }
        if let ended { caller.complete(ended) }
        return mustLead
    }

    /// Removes a caller that was completed otherwise: by its deadline or by cancellation.
    ///
    /// - Returns: What it gets at its deadline, where the upstream has answered already.
    func dismiss(_ caller: AsyncCaller) -> UpstreamSuccess? {
        mutex.withLock {
            asyncCallers[ObjectIdentifier(caller)] = nil
            return unpublished
        }
    }
}
