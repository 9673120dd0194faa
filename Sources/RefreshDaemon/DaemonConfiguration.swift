import LeaseTable

/// Every duration and size of the daemon, with its unit, its default and the reason for it.
struct DaemonConfiguration: Sendable {
    /// The pause between two rounds of housekeeping. 5 s: what is past its time costs only room, of which a table keeps
    /// plenty, and a killed reader pins pages no longer than that; a round costs well under a millisecond.
    var sweepInterval = Duration.seconds(5)
    /// How many records one transaction removes. 64: a fraction of a millisecond for which a writer may have to wait.
    var sweepBatch = 64
    /// The pause between two such transactions. 1 ms: the write lock is not fair, so that whoever waits for it gets it only
    /// while we are away.
    var batchPause = Duration.milliseconds(1)
    /// How long one operation on the table may wait for another process. 250 ms: writes take microseconds, so that only
    /// a stopped process holds the lock that long; and a stop is to be obeyed within a second.
    var operationTimeout = Duration.milliseconds(250)
    /// For how long opening the table is tried at the start. 5 s: longer than many workers need that open at once.
    var startTimeout = Duration.seconds(5)
    /// The table's own.
    var table = RefreshConfiguration()
}
