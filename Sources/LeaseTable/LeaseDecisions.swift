public import ProcessSupport

/// What a caller knows when it looks at a key, from having waited. Both `nil` for a first look.
public struct Claim: Hashable, Sendable {
    /// The generation this caller has been waiting on.
    public var joined: Generation?
    /// The generation whose wake pipe this caller saw hang up.
    public var hungUp: Generation?

    /// Collects what the caller knows.
    public init(joined: Generation? = nil, hungUp: Generation? = nil) {
        self.joined = joined
        self.hungUp = hungUp
    }
}

/// What a look at a key comes to.
public enum ClaimDecision: Hashable, Sendable {
    /// There is a result.
    case hit(SealedOutcome)
    /// There is a failure that answers this caller; a transient one may say before when not to try again.
    case failed(SealedOutcome, retryNotBefore: BootInstant?)
    /// Somebody holds the lease: wait on its pipe, until its end at the latest.
    case join(Generation, holder: Holder, pipe: WakePipeName, leaseEnds: BootInstant, attempt: UInt32)
    /// Nobody holds it, and nobody may before this instant: look again then.
    case wait(until: BootInstant)
    /// The lease is free to take; inside a write transaction, take it with these grounds.
    case claimable(Grounds)
}

/// What a new lease takes over from the record before it.
public struct Grounds: Hashable, Sendable {
    /// The attempt the new lease is: 1, or one more than that of the holder taken over from.
    public let attempt: UInt32
    /// Before when the new holder must not call the upstream; zero for no such wish.
    public let notBefore: BootInstant
    /// A failure that somebody may still be waiting for.
    public let lastFailure: LastFailure?
    /// Why a lease that was held may be taken; `nil` if none was.
    public let takeover: TakeoverReason?
}

/// Why a held lease may be taken by somebody else.
public enum TakeoverReason: String, Hashable, Sendable {
    /// Its time is up.
    case leaseEnded
    /// Its holder's pipe hung up without an outcome.
    case holderDied
}

/// What publishing a result comes to.
public enum PublishDecision: Hashable, Sendable {
    /// Store this. `wake` is the pipe of another generation's lease that it replaces, whose waiters nobody
    /// else would wake; `nil` where there is none.
    case store(LeaseRecord, wake: WakePipeName?)
    /// A result is stored already, and is the one to return.
    case adopt(SealedOutcome)
}

/// What reporting a failure comes to.
public enum FailDecision: Hashable, Sendable {
    /// Store this.
    case store(LeaseRecord)
    /// The lease is not this generation's any more: the failure counts for nobody but the caller itself.
    case ignore
    /// A result is stored, and is the one to return instead of the failure.
    case adopt(SealedOutcome)
}

/// How long failures stay.
public struct FailureRetention: Hashable, Sendable {
    /// How long a terminal failure answers every caller.
    public var terminal: Duration
    /// How long any failure answers those who waited for it.
    public var survival: Duration

    /// Sets both.
    public init(terminal: Duration = .seconds(5), survival: Duration = .seconds(5)) {
        self.terminal = terminal
        self.survival = survival
    }
}

/// What renewing a lease comes to.
public enum RenewDecision: Hashable, Sendable {
    /// Store this; the lease goes on.
    case store(LeaseRecord)
    /// The lease is not this generation's any more.
    case lost
    /// A result is stored, and is the one to return.
    case adopt(SealedOutcome)
}

/// What giving a lease up comes to.
public enum AbandonDecision: Hashable, Sendable {
    /// Delete the record: nothing in it matters to anybody.
    case delete
    /// Store this, which is held by nobody and keeps what must still be kept.
    case store(LeaseRecord)
    /// The lease is not this generation's any more.
    case ignore
}

/// Whether a holder may call the upstream now.
public enum SendDecision: Hashable, Sendable {
    /// Send now.
    case send
    /// The lease holds, but not long enough for a call: renew at least to this end, then ask again.
    case renewFirst(leaseEnds: BootInstant)
    /// The upstream asked not to be called before this instant: ask again then.
    case waitUntil(BootInstant)
    /// The lease is not this generation's any more.
    case lost
    /// A result is stored, and is the one to return.
    case adopt(SealedOutcome)
}
