/// What every process counts. Raw values are places in the file: one is added at the end, none changes.
public enum FleetCounter: Int, CaseIterable, Sendable {
    // MARK: Calls to the upstream, by outcome

    /// The token was rotated.
    case upstreamSuccess
    /// The session has ended.
    case upstreamTerminal
    /// It failed, and the token is still good.
    case upstreamTransient
    /// It failed, and the token may have been rotated all the same.
    case upstreamInDoubt

    // MARK: Callers, by what they got

    /// The answer to a call that was made for them.
    case callersCalled
    /// The outcome of somebody else's call, which they waited for.
    case callersWaited
    /// An outcome that was stored when they came.
    case callersStored
    /// Nothing in time.
    case callersTimedOut
    /// An error of the library's: a table that failed, no thread to be had.
    case callersFailed
    /// Nothing: they were cancelled.
    case callersCancelled

    // MARK: The table

    /// Results found stored, by who had waited as well.
    case hits
    /// Leases taken.
    case claims
    /// Of these, from a holder that had died.
    case takeoversFromDead
    /// Of these, from a holder that ran past its lease's end.
    case takeoversFromLate
    /// Callers that began to wait for somebody else's call.
    case waits
    /// Refreshes made without a lease, since the table failed.
    case refreshedAlone
    /// Failures of the table.
    case coordinationFailures
    /// Stored outcomes that did not open and were discarded.
    case discardedOutcomes
}
