import FleetCounters
import LeaseTable
import Logging
import ProcessSupport

/// Finds out, step by step, what somebody who wants a key refreshed is to do: looks at the table, claims where nobody
/// objects, and otherwise says what there is to wait for. How it is waited for is the caller's: a thread sleeps, an event
/// loop watches a descriptor.
///
/// A step waits for nobody but, for its deadline at the most, for the table's locks.
struct LeaseSeeker {
    let flights: FlightTable
    let key: KeyMaterial
    let configuration: RefreshConfiguration
    private var claim: Claim
    private var table: LeaseTable?
    private var round = 0
    private var prepared: PreparedPipe?
    /// What was seen before this seeker began, and is to be acted on in place of its first look.
    private var seen: ClaimDecision?
    /// The pipe of the lease that was joined, until somebody claims after its holder's death.
    private var joinedPipe: WakePipeName?
    private var mustBeCurrent = false
    /// Whether the last look showed a lease or an outcome of somebody else's.
    private var sawOthers = false
    /// Held until the record was read again: see WaitResult.
    private var waitingEnd: WaitingEnd?

    /// For how long somebody else is let go first after a holder's death. 1 ms: many times what a claim takes.
    private static let wayGiven = Duration.milliseconds(1)

    /// What there is to do.
    enum Step {
        /// The lease is ours, in this table.
        case granted(Tenure, LeaseTable)
        /// There is an outcome.
        case ended(FlightOutcome)
        /// Nobody may claim before this instant: step again then.
        case wait(until: BootInstant)
        /// Somebody holds the lease: wait for them, tell ``woke(_:)`` how that ended, and step again. `round` counts the
        /// waits on this generation before.
        case join(JoinedLease, round: Int, in: LeaseTable)
        /// The time was up before there was an answer.
        case timedOut
        /// The table failed, although its directory could be opened. `sawOthers`: the last read showed a live lease or
        /// an outcome, beside which nobody goes alone.
        case failed(LeaseTableError, sawOthers: Bool)
    }

    /// Begins where somebody else left off, or at the beginning.
    init(_ flights: FlightTable, _ key: KeyMaterial, _ configuration: RefreshConfiguration, knowing known: Handover) {
        self.flights = flights
        self.key = key
        self.configuration = configuration
        claim = known.claim
        seen = known.seen
        // The last leader may have been another client's.
        table = known.table?.with(configuration)
    }

    /// Whether a lease of somebody else's was met on the way.
    var hasJoined: Bool { claim.joined != nil }

    /// What the next one should know.
    var handover: Handover { Handover(claim: claim, table: table) }

    /// Notes how the wait for a lease that was joined has ended.
    mutating func woke(_ result: WaitResult) {
        switch result {
        case .lookAgain(let end): waitingEnd = end
        case .holderDied(let end):
            waitingEnd = end
            claim.hungUp = claim.joined
        }
    }

    /// What an error of the table comes to.
    func failed(_ error: LeaseTableError) -> Step {
        error.isTimeout ? .timedOut : .failed(error, sawOthers: sawOthers)
    }

    /// Looks, and claims if nobody objects.
    mutating func step(until deadline: MonotonicInstant) -> Step {
        while true {
            let current: LeaseTable
            do throws(LeaseTableError) {
                current = try currentTable(until: deadline)
            } catch {
                return error.isTimeout ? .timedOut : .ended(.failure(.directory(error)))
            }
            do throws(LeaseTableError) {
                if let step = try look(in: current, until: deadline) { return step }
            } catch {
                return failed(error)
            }
            if MonotonicInstant.now() >= deadline { return .timedOut }
        }
    }

    /// The outcome that is stored and answers who knows what this seeker knows; claims nothing.
    func storedOutcome(until deadline: MonotonicInstant) -> FlightOutcome? {
        guard let table, let decision = try? table.look(at: key, as: claim, deadline: deadline) else { return nil }
        switch decision {
        case .hit(let sealed): return sealed.payload(for: key, OutcomePayload.decodeSuccess).map { .success($0) }
        case .failed(let sealed, _):
            return sealed.payload(for: key, OutcomePayload.decodeFailure).map { .failure(.upstream($0)) }
        case .join, .wait, .claimable: return nil
        }
    }

    /// Looks go to the table that is open; only a claim must be made in the one that is at the path now. A wait goes on
    /// where it began.
    private mutating func currentTable(until deadline: MonotonicInstant) throws(LeaseTableError) -> LeaseTable {
        if let table { return table }
        let current: LeaseTable
        if !mustBeCurrent, let open = flights.openTable {
            current = open.with(configuration)
        } else {
            current = try flights.currentTable(configuration, deadline: deadline).with(configuration)
        }
        mustBeCurrent = false
        table = current
        flights.join(current, until: deadline)
        return current
    }

    /// `nil` where it is to be looked again at once.
    private mutating func look(
        in current: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> Step? {
        var decision: ClaimDecision
        if let known = seen {
            decision = known
        } else {
            decision = try current.look(at: key, as: claim, deadline: deadline)
        }
        seen = nil
        withExtendedLifetime(waitingEnd) {}
        waitingEnd = nil
        sawOthers = decision.isOthers
        if case .claimable(let grounds) = decision {
            if grounds.takeover == .holderDied, let dead = joinedPipe {
                joinedPipe = nil
                if !current.goesFirst(after: dead) { return .wait(until: .now().advanced(by: Self.wayGiven)) }
            }
            guard current.isCurrent else {
                // Claimed here, it would be seen by nobody else.
                claim = Claim()
                prepared = nil
                table = nil
                mustBeCurrent = true
                sawOthers = false
                return nil
            }
            // Who lost a race still has the pipe that nobody was told of.
            let pipe: PreparedPipe
            if let kept = prepared { pipe = kept } else { pipe = try current.preparePipe() }
            prepared = pipe
            switch try current.claim(key, as: claim, pipe: pipe, deadline: deadline) {
            case .granted(let tenure):
                prepared = nil
                flights.count(\.claims, .claims)
                switch tenure.takeover {
                case .holderDied: flights.count(\.takeovers, .takeoversFromDead)
                case .leaseEnded: flights.count(\.takeovers, .takeoversFromLate)
                case nil: break
                }
                return .granted(tenure, current)
            case .decided(let other):
                decision = other
                sawOthers = decision.isOthers
            }
        }
        switch decision {
        case .hit(let sealed):
            guard let success = try open(sealed, in: current, until: deadline, OutcomePayload.decodeSuccess) else {
                return nil
            }
            flights.count(\.hits, .hits)
            return .ended(.success(success))
        case .failed(let sealed, _):
            let attempts = try open(sealed, in: current, until: deadline, OutcomePayload.decodeFailure)
            return attempts.map { .ended(.failure(.upstream($0))) }
        case .wait(let instant):
            return .wait(until: instant)
        case .join(let generation, let holder, let pipe, let leaseEnds, _):
            round = claim.joined == generation ? round + 1 : 0
            claim = Claim(joined: generation)
            joinedPipe = pipe
            let lease = JoinedLease(
                key: key, generation: generation, holder: holder, pipe: pipe, leaseEnds: leaseEnds)
            return .join(lease, round: round, in: current)
        case .claimable:
            // The claim's own decision is never that.
            return nil
        }
    }

    /// Opens an outcome; `nil` where it does not open, and was discarded so that the key can be claimed.
    private func open<Payload>(
        _ sealed: SealedOutcome, in table: LeaseTable, until deadline: MonotonicInstant,
        _ decode: ([UInt8]) -> Payload?
    ) throws(LeaseTableError) -> Payload? {
        if let payload = sealed.payload(for: key, decode) { return payload }
        flights.count(\.discardedOutcomes, .discardedOutcomes)
        configuration.logger.warning(
            "a stored outcome does not open and is discarded",
            metadata: ["key": "\(key.recordKey.shortDescription)"])
        try table.discard(sealed, of: key, deadline: deadline)
        return nil
    }
}

extension SealedOutcome {
    /// What is sealed in it; `nil` where it does not open, or is not what it should be.
    func payload<Payload>(for key: KeyMaterial, _ decode: ([UInt8]) -> Payload?) -> Payload? {
        guard let plaintext = try? SealedOutcome.open(self, key: key) else { return nil }
        return decode(plaintext)
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
