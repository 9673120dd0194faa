/// A mechanism taken out of the protocol, to show that the checks notice.
public enum BrokenVariant: String, Sendable, CaseIterable {
    /// A waiter sleeps without having read the record again after it opened the pipe.
    case skipSecondLook = "skip-second-look"
    /// A failure counts from a generation that has been passed.
    case acceptStaleFailure = "accept-stale-failure"
    /// A pipe that had readers is emptied and serves for the next lease.
    case reusePipe = "reuse-pipe"
    /// A holder sends without having read the record again.
    case skipMaySend = "skip-may-send"
    /// Who saw a hang-up takes the lease from whichever generation holds it by then.
    case claimWithoutCompare = "claim-without-compare"
    /// A late success replaces one that is kept.
    case overwriteSuccess = "overwrite-success"
    /// A woken waiter reads the wake bytes.
    case drainPipe = "drain-pipe"
    /// A failure does not outlive the lease it ended.
    case forgetFailure = "forget-failure"
}
