public import ProcessSupport

/// A lease that this process holds: the right, and the duty, to call the upstream for one key and to say how it
/// ended.
///
/// The wake pipe is open as long as this object lives. Letting it go without publishing, failing or abandoning
/// counts, for the others, as the holder's death.
public final class Tenure: Sendable {
    /// The key.
    public let key: KeyMaterial
    /// The fencing token.
    public let generation: Generation
    /// When it was granted.
    public let claimedAt: BootInstant
    /// 1, or how many holders were passed before.
    public let attempt: UInt32
    /// Why the lease was taken from another holder, if it was.
    public let takeover: TakeoverReason?
    /// Before when the upstream had asked the last holder not to be called again; zero for no such wish.
    public let notBefore: BootInstant
    let holder: Holder
    let pipe: WakePipe?
    let pipeName: WakePipeName

    init(
        key: KeyMaterial, generation: Generation, claimedAt: BootInstant, grounds: Grounds,
        pipe prepared: PreparedPipe
    ) {
        self.key = key
        self.generation = generation
        self.claimedAt = claimedAt
        attempt = grounds.attempt
        takeover = grounds.takeover
        notBefore = grounds.notBefore
        holder = prepared.holder
        pipe = prepared.pipe
        pipeName = prepared.name
    }
}

/// A pipe made for a claim, kept by who loses the race for its next try; see ``LeaseTable/claim(_:as:pipe:deadline:)``.
public struct PreparedPipe: Sendable {
    let pipe: WakePipe?
    let name: WakePipeName
    let holder: Holder
}

/// How a claim went.
public enum ClaimResult: Sendable {
    /// The lease is ours.
    case granted(Tenure)
    /// It is not, and this is why: somebody holds it, or there is an outcome already. No error.
    case decided(ClaimDecision)
}

/// How the end of a lease was recorded.
public enum EndResult: Sendable {
    /// As reported.
    case stored
    /// There was a result already: this is the one to return.
    case adopted(SealedOutcome)
    /// The lease belongs to somebody else by now; nothing was stored.
    case ignored
}
