public import Logging

/// Every duration, size and path of the library, with its unit, its default and the reason for it.
///
/// Processes that share a directory should agree on it; those that do not still keep every guarantee, each with
/// its own times. A plain value: thread- and fork-safe.
public struct RefreshConfiguration: Sendable {
    // MARK: Where

    /// Where the lease table lives; `nil` searches as ``TableDirectory`` says.
    public var directory: String?
    /// Size of the memory map in bytes, for whoever makes the table. 1 GiB: five thousand results of 3 KB a second,
    /// kept 30 s, need about 600 MB. Address space, not memory: the file grows only as it is used.
    public var mapSize = 1 << 30
    /// Bytes of map and file system that claims leave free, so that a result can always be published. 8 MiB:
    /// over a hundred results of the largest size. In a smaller file system, an eighth of it.
    public var publishReserve = 8 << 20
    /// Reader slots of the table, for whoever makes it. LMDB's default of 126 is too few for a few processes of
    /// many threads; 1,024 cost 64 KiB.
    public var readerSlots = 1024
    /// Reader slots this process takes at the most. A read lasts a microsecond, so that two are seldom busy.
    public var readersPerProcess = 4

    // MARK: How long

    /// How long one call to the upstream may take. 10 s: the slowest answers that users wait for.
    public var requestTimeout = Duration.seconds(10)
    /// How long a lease lasts unless it is renewed; longer than ``requestTimeout``. 12 s: a holder's death is seen
    /// through its pipe, so that the end serves only against a holder that hangs, and may outlast the slowest answer.
    public var lease = Duration.seconds(12)
    /// By how much a renewed lease outlasts the call that it is renewed for. 2 s: time to publish on a busy machine.
    public var leaseMargin = Duration.seconds(2)
    /// How long a result stays for callers that arrive late with the old token. 30 s: late tabs, parallel loaders,
    /// and the window in which the upstream itself may accept a replay.
    public var resultRetention = Duration.seconds(30)
    /// How long a terminal failure answers new callers. 5 s: a dead token does not come back, and the upstream
    /// counts ten tries a minute.
    public var terminalFailureRetention = Duration.seconds(5)
    /// How long any failure answers those who waited for it, whoever has claimed since. 5 s: longer than a waiter
    /// needs to be scheduled.
    public var failureSurvival = Duration.seconds(5)
    /// How long a call may take unless it says otherwise. 30 s: two upstream calls and a pause between them.
    public var callerDeadline = Duration.seconds(30)
    /// The pause before the one retry after 429 where the upstream names none. 1 s, as the reference has it.
    public var defaultRetryPause = Duration.seconds(1)
    /// The shortest pause before that retry. 1 s: a limit that just refused refuses again at once.
    public var shortestRetryPause = Duration.seconds(1)
    /// The longest pause before that retry. 10 s: users do not wait longer.
    public var longestRetryPause = Duration.seconds(10)
    /// How long one try to publish may wait for the write lock before this process's own callers are served without.
    /// 1 s: writes take microseconds, so that only a stopped process holds one that long.
    public var publishTimeout = Duration.seconds(1)
    /// The pause between tries to publish. 50 ms: room comes back as records expire.
    public var publishRetryPause = Duration.milliseconds(50)
    /// The first pause where a lease is polled; each is twice the one before. 1 ms: most answers take longer.
    public var shortestPoll = Duration.milliseconds(1)
    /// The longest pause where a lease is polled. 50 ms: late by no more than callers are allowed to be.
    public var longestPoll = Duration.milliseconds(50)
    /// From which age on a pipe without a writer is removed. 10 minutes: older than any lease.
    public var orphanedPipeAge = Duration.seconds(600)

    // MARK: How

    /// How many expired records each write removes. 2: more than a write adds, so that the table shrinks.
    public var sweepsPerWrite = 2
    /// How a waiter waits.
    public var waitStrategy: any WaitStrategy = .pipe
    /// What happens when the table cannot be used although its directory could be opened.
    public var whenCoordinationFails = CoordinationFailurePolicy.refreshAlone
    /// Where the few things an operator should know are said: the directory chosen or replaced, a table that failed,
    /// an upstream that refuses the client. Never a token.
    public var logger = Logger(label: "refreshd")

    /// The defaults.
    public init(directory: String? = nil) {
        self.directory = directory
    }

    /// Checks that the values fit each other.
    ///
    /// - Throws: ``ConfigurationError`` that names the value and what it must be.
    public func validate() throws(ConfigurationError) {
        let positive: [(String, Duration)] = [
            ("requestTimeout", requestTimeout), ("lease", lease), ("leaseMargin", leaseMargin),
            ("resultRetention", resultRetention), ("failureSurvival", failureSurvival),
            ("callerDeadline", callerDeadline), ("shortestRetryPause", shortestRetryPause),
            ("publishTimeout", publishTimeout), ("publishRetryPause", publishRetryPause),
            ("shortestPoll", shortestPoll),
        ]
        for (name, value) in positive where value <= .zero {
            throw ConfigurationError(name, value, "must be longer than nothing")
        }
        for (name, value) in positive where value > .seconds(86_400) {
            throw ConfigurationError(name, value, "must be at most a day")
        }
        if lease <= requestTimeout {
            throw ConfigurationError(
                "lease", lease,
                "must be longer than the request timeout (\(requestTimeout)), or a holder is passed while its answer is due"
            )
        }
        if terminalFailureRetention < .zero {
            throw ConfigurationError("terminalFailureRetention", terminalFailureRetention, "must not be negative")
        }
        if longestRetryPause < shortestRetryPause {
            throw ConfigurationError("longestRetryPause", longestRetryPause, "must not be below the shortest")
        }
        if longestPoll < shortestPoll {
            throw ConfigurationError("longestPoll", longestPoll, "must not be below the shortest")
        }
        if mapSize < 1 << 20 || mapSize % 4096 != 0 {
            throw ConfigurationError("mapSize", mapSize, "must be a multiple of 4096 bytes, and at least 1 MiB")
        }
        if publishReserve < 0 || publishReserve > mapSize / 2 {
            throw ConfigurationError("publishReserve", publishReserve, "must be at most half of the map")
        }
        if readerSlots < 8 || readerSlots > 65_536 {
            throw ConfigurationError("readerSlots", readerSlots, "must be from 8 to 65536")
        }
        if readersPerProcess < 1 || readersPerProcess > readerSlots {
            throw ConfigurationError(
                "readersPerProcess", readersPerProcess, "must be from 1 to the reader slots (\(readerSlots))")
        }
        if sweepsPerWrite < 1 || sweepsPerWrite > 64 {
            throw ConfigurationError("sweepsPerWrite", sweepsPerWrite, "must be from 1 to 64, or the table grows")
        }
    }
}

/// What a call does when the table fails before a claim (no space, a lock that is lost).
public enum CoordinationFailurePolicy: String, Sendable, CaseIterable {
    /// Calls the upstream all the same, once per process and key: a full table must not sign users out.
    case refreshAlone
    /// Fails with a transient error: for providers that revoke the whole family when a token is used twice.
    case fail
}

/// A configuration value that cannot be used.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// The field's name. Other interfaces have other names for it.
    public let field: String
    /// The value it has, with its unit.
    public let value: String
    /// What it must be: the end of a sentence that names neither.
    public let requirement: String

    init(_ field: String, _ value: some Any, _ requirement: String) {
        self.field = field
        self.value = "\(value)"
        self.requirement = requirement
    }

    /// The problem.
    public var description: String { "configuration: \(field) is \(value), and \(requirement)" }
}
