public import ProcessSupport

/// The latest failure of a key, which outlives the lease it ended so that everyone who waited on that lease
/// hears of it even when somebody else has claimed since. A plain value: thread- and fork-safe.
public struct LastFailure: Hashable, Sendable {
    /// The failure; its generation is the one that failed.
    public let outcome: SealedOutcome
    /// Until when it is handed to those who waited: the time of the failure plus the survival.
    public let keptUntil: BootInstant

    /// Keeps `outcome` until `keptUntil`.
    public init(outcome: SealedOutcome, keptUntil: BootInstant) {
        self.outcome = outcome
        self.keptUntil = keptUntil
    }

    // Kept means strictly before the end.
    func isKept(at now: BootInstant) -> Bool { now < keptUntil }
}
