public import ProcessSupport

/// What is stored for a key: who holds its lease, or how the last one ended.
///
/// Instants that do not apply are ``BootInstant/zero``. Only ``LeaseStateMachine`` and ``RecordCodec`` make
/// records. A plain value: thread- and fork-safe.
public struct LeaseRecord: Hashable, Sendable {
    /// Where in its life a lease is. The raw value is what is stored.
    public enum State: UInt8, Hashable, Sendable, CaseIterable {
        /// Somebody may be calling the upstream.
        case held = 1
        /// There is a result.
        case success = 2
        /// The upstream ended the session.
        case failedTerminal = 3
        /// The upstream failed and the token is still good; or the lease was abandoned, and what it had
        /// inherited (a failure of an earlier generation, a not-before) must be kept a while longer.
        case failedTransient = 4
    }

    /// Where in its life the lease is.
    public internal(set) var state: State
    /// The tenure that holds, or whose outcome this is.
    public internal(set) var generation: Generation
    /// The process of that tenure.
    public internal(set) var holder: Holder
    /// The number of that tenure's wake pipe; see ``pipe``.
    public internal(set) var pipeNumber: UInt64
    /// When the lease was granted; zero for a success that found no lease of its own any more.
    public internal(set) var claimedAt: BootInstant
    /// When a hung holder is passed; zero as above.
    public internal(set) var leaseEnds: BootInstant
    /// When the outcome was published; zero while held, and where abandoned.
    public internal(set) var publishedAt: BootInstant
    /// Until when the outcome answers every caller: retention. Zero while held and for a transient failure.
    public internal(set) var keptUntil: BootInstant
    /// Before when the upstream is not to be called (429 with `Retry-After`); zero for no such wish.
    public internal(set) var notBefore: BootInstant
    /// 1, and one more for each holder that had to be taken over from.
    public internal(set) var attempt: UInt32
    /// The result, in state ``State/success`` only; of the record's generation.
    public internal(set) var success: SealedOutcome?
    /// In a failed state the failure; while held, one of an earlier generation that somebody may still wait
    /// for.
    public internal(set) var lastFailure: LastFailure?

    /// The name of the tenure's wake pipe.
    public var pipe: WakePipeName { WakePipeName(holder: holder, number: pipeNumber) }

    /// How long a held record stays after its end, so that who takes it over can still see whose it was.
    public static let graceAfterLease = Duration.seconds(5)

    /// From when a sweep may delete the record: nobody could get anything from it any more. Depends on the
    /// record alone, so it can be the key of an index.
    public var removableAt: BootInstant {
        switch state {
        case .held:
            max(leaseEnds.advanced(by: Self.graceAfterLease), notBefore, lastFailure?.keptUntil ?? .zero)
        case .success: keptUntil
        case .failedTerminal, .failedTransient: max(keptUntil, notBefore, lastFailure?.keptUntil ?? .zero)
        }
    }

    // Held by `generation`, whether or not its end has passed: nobody has taken over.
    func isHeld(by generation: Generation) -> Bool { state == .held && self.generation == generation }

    // The stored result while it is kept, which wins over everything.
    func keptSuccess(at now: BootInstant) -> SealedOutcome? {
        state == .success && now < keptUntil ? success : nil
    }

    // The not-before while it is still to come.
    func pendingNotBefore(at now: BootInstant) -> BootInstant? { now < notBefore ? notBefore : nil }
}
