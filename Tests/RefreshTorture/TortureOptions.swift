import LeaseTable
import Logging
import RefreshClient

/// What a run was asked for.
struct TortureOptions {
    /// Workers that live at the same time.
    var processes: Int
    /// How long, at the least.
    var seconds: Double
    /// Deaths below which the run goes on, up to twice as long.
    var deaths: Int
    var seed: UInt64
    /// What is broken on purpose, so that a check can be seen to fail.
    var breakage: Breakage?
}

/// What `--break` does: each makes the check of its name fail.
enum Breakage: String, CaseIterable {
    /// Half of the workers use another table.
    case singleFlight = "single-flight"
    /// Results are kept for a millisecond.
    case doubleRefreshes = "double-refreshes"
    /// Some workers leave without waiting for their callers.
    case answered
    /// Waiters sleep past their deadlines.
    case onTime = "on-time"
    /// Some callers see other bytes than they were given.
    case agreement
    /// Some answers of the upstream reach nobody.
    case lostResults = "lost-results"
    /// Some callers are told of an error that nobody made.
    case outcomes
    /// A writer commits what it should have died with.
    case environment
    /// Records are kept for an hour.
    case space
    /// A reader dies after the slots of the dead were freed.
    case readers
    /// Descriptors are left open.
    case processes
    /// The emulator is told of a call that no worker knows of.
    case emulator
}

/// The times that the rig tortures with: short, so that a stopped holder overruns its lease.
enum Times {
    static let requestTimeout = Duration.milliseconds(400)
    static let lease = Duration.milliseconds(600)
    static let retention = Duration.milliseconds(1_300)
    /// For how long callers ask for one token; well within its result's retention.
    static let tokenLife = Duration.milliseconds(600)
    /// How long workers are made to work in one round.
    static let round = Duration.seconds(5)
    /// By how much a caller may be later than the control.
    static let tolerance = Duration.milliseconds(50)

    /// What workers are configured with.
    static func configuration(directory: String) -> RefreshConfiguration {
        var configuration = RefreshConfiguration(directory: directory)
        configuration.requestTimeout = requestTimeout
        configuration.lease = lease
        configuration.leaseMargin = .milliseconds(150)
        configuration.resultRetention = retention
        configuration.terminalFailureRetention = .milliseconds(300)
        configuration.failureSurvival = .milliseconds(500)
        configuration.callerDeadline = .seconds(2)
        configuration.defaultRetryPause = .milliseconds(40)
        configuration.shortestRetryPause = .milliseconds(20)
        configuration.longestRetryPause = .milliseconds(100)
        configuration.publishTimeout = .milliseconds(200)
        configuration.publishRetryPause = .milliseconds(20)
        configuration.orphanedPipeAge = .seconds(1)
        configuration.mapSize = 64 << 20
        configuration.readerSlots = 512
        configuration.logger.logLevel = .critical
        return configuration
    }
}

extension Duration {
    /// In milliseconds, for showing.
    var milliseconds: Double {
        Double(components.seconds) * 1_000 + Double(components.attoseconds) / 1_000_000_000_000_000
    }
}
