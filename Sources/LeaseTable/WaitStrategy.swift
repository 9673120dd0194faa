public import ProcessSupport

/// How a waiter learns that the lease it has joined has ended: ``PipeWait`` or ``PollWait``, or one's own.
public protocol WaitStrategy: Sendable {
    /// Whether a holder that waits this way when it does not hold also makes a pipe for others when it does.
    var makesPipes: Bool { get }

    /// Waits until the record may have changed, or the lease has ended, or until `deadline`; never longer.
    ///
    /// - Parameters:
    ///   - lease: What was joined.
    ///   - round: How many waits on the same generation came before: a strategy that finds nothing to wait for pauses
    ///     for longer each time instead of spinning.
    func wait(
        for lease: JoinedLease, round: Int, in table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> WaitResult
}

/// A live lease of somebody else's.
public struct JoinedLease: Sendable {
    /// The key.
    public let key: KeyMaterial
    /// The tenure that holds.
    public let generation: Generation
    /// Its process.
    public let holder: Holder
    /// Its pipe.
    public let pipe: WakePipeName
    /// When it ends, unless it is renewed.
    public let leaseEnds: BootInstant

    /// Describes a lease that ``LeaseTable/look(at:as:deadline:)`` said to join.
    public init(
        key: KeyMaterial, generation: Generation, holder: Holder, pipe: WakePipeName, leaseEnds: BootInstant
    ) {
        self.key = key
        self.generation = generation
        self.holder = holder
        self.pipe = pipe
        self.leaseEnds = leaseEnds
    }
}

/// How a wait ended. In either case look at the record again, and only then let the waiting end go: the kernel is busy
/// enough with the others.
public enum WaitResult: Sendable {
    /// Something may have happened.
    case lookAgain(WaitingEnd?)
    /// The holder is gone: unless the record says otherwise by now, the lease is free.
    case holderDied(WaitingEnd?)
}

/// Waits on the holder's pipe: the kernel wakes everyone at once, when the holder writes and when it dies.
public struct PipeWait: WaitStrategy {
    /// Makes the strategy.
    public init() {}

    /// True.
    public var makesPipes: Bool { true }

    /// What there is to wait for.
    public enum Approach: Sendable {
        /// Nothing: the record may have changed, or the holder is gone.
        case over(WaitResult)
        /// The holder is there, and this becomes readable when it is done or gone.
        case ahead(WaitingEnd)
        /// No pipe, or one that was written to although the record is as it was: only time tells.
        case unseen
    }

    /// Opens the pipe of a lease that was joined, and makes sure that waiting on it is not for ever. Waits for nothing.
    public func approach(
        _ lease: JoinedLease, in table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> Approach {
        guard let end = table.waitingEnd(of: lease.pipe) else { return .unseen }
        // Between the first look and the opening the holder may have published and closed.
        let second = try table.look(at: lease.key, as: Claim(joined: lease.generation), deadline: deadline)
        guard case .join(lease.generation, _, _, _, _) = second else { return .over(.lookAgain(end)) }
        switch end.probe() {
        case .hungUp: return .over(.holderDied(end))
        // It has been written to and still the record is as it was: whoever wrote, waiting here would not wait.
        case .written: return .unseen
        case .holderIsThere: return .ahead(end)
        }
    }

    /// Waits as ``WaitingEnd`` describes; where there is no pipe, or one that lies, as ``PollWait`` does.
    public func wait(
        for lease: JoinedLease, round: Int, in table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> WaitResult {
        switch try approach(lease, in: table, until: deadline) {
        case .over(let result): return result
        case .unseen: return try PollWait().wait(for: lease, round: round, in: table, until: deadline)
        case .ahead(let end):
            let untilEnd = BootInstant.now().duration(to: lease.leaseEnds)
            let untilDeadline = MonotonicInstant.now().duration(to: deadline)
            return end.wait(for: min(untilEnd, untilDeadline)) == .hungUp ? .holderDied(end) : .lookAgain(end)
        }
    }
}

/// Pauses for a while, longer each time, and looks at the record again. A dead holder is noticed by its process being
/// gone.
public struct PollWait: WaitStrategy {
    /// Makes the strategy.
    public init() {}

    /// False.
    public var makesPipes: Bool { false }

    /// Pauses once.
    public func wait(
        for lease: JoinedLease, round: Int, in table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> WaitResult {
        let untilDeadline = MonotonicInstant.now().duration(to: deadline)
        pause(for: min(Self.interval(before: lease, round: round, table.configuration), untilDeadline))
        return lease.holder.isAlive ? .lookAgain(nil) : .holderDied(nil)
    }
}

extension PollWait {
    /// How long to pause before the next look: twice as long each round, and never beyond the lease's end.
    public static func interval(
        before lease: JoinedLease, round: Int, _ configuration: RefreshConfiguration
    ) -> Duration {
        let grown = configuration.shortestPoll * (1 << min(round, 20))
        return min(grown, configuration.longestPoll, BootInstant.now().duration(to: lease.leaseEnds))
    }
}

extension WaitStrategy where Self == PipeWait {
    /// By the kernel, through the holder's pipe: at once.
    public static var pipe: PipeWait { PipeWait() }
}

extension WaitStrategy where Self == PollWait {
    /// By reading the record again and again: later, and without a descriptor.
    public static var poll: PollWait { PollWait() }
}
