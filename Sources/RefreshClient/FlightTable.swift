import FleetCounters
import LeaseTable
import Logging
import ProcessSupport

/// What a process shares between all clients of one directory: the open table and the flights.
final class FlightTable: @unchecked Sendable {
    let directory: TableDirectory
    private let mutex = TimedMutex()
    /// Guarded by `mutex`.
    private var flights: [RecordKey: Flight] = [:]
    /// Guarded by `mutex`. Replaced when the directory was.
    private var table: LeaseTable?
    /// Guarded by `mutex`.
    private var counts = RefreshCounts()
    /// Guarded by `mutex`.
    private var membership = FleetMembership()

    private init(directory: TableDirectory) {
        self.directory = directory
    }

    /// This process's, for `directory`. A forked child gets its own, with nothing in it.
    static func current(for directory: TableDirectory) -> FlightTable {
        let all = ForkLocal<Directories>(.flights).value(Directories.init)
        return all.mutex.withLock {
            if let known = all.tables.first(where: { $0.directory.path == directory.path }) { return known }
            let made = FlightTable(directory: directory)
            all.tables.append(made)
            return made
        }
    }

    private final class Directories: @unchecked Sendable {
        let mutex = TimedMutex()
        // One, nearly always.
        var tables: [FlightTable] = []
    }

    // MARK: The lease table

    /// The table if it is open; does not look whether it was removed.
    var openTable: LeaseTable? { mutex.withLock { table } }

    /// The table if it is open, and nobody in this process is on the key.
    func openTable(withoutFlightOf key: RecordKey) -> LeaseTable? {
        mutex.withLock { flights[key] == nil ? table : nil }
    }

    /// The table, opened now if it was not, or if it is not at its path any more.
    func currentTable(
        _ configuration: RefreshConfiguration, deadline: MonotonicInstant
    ) throws(LeaseTableError) -> LeaseTable {
        let known = openTable
        if let known, known.isCurrent { return known }
        let opened = try LeaseTable(configuration, in: directory, deadline: deadline)
        mutex.withLock { table = opened }
        if known == nil {
            configuration.logger.info("lease table opened", metadata: ["directory": "\(directory)"])
        } else {
            configuration.logger.notice(
                "the lease table's directory was removed or replaced under this process: opened anew",
                metadata: ["directory": "\(directory)"])
        }
        return opened
    }

    // MARK: Flights

    /// The flight of a key, if one is under way.
    func flight(of key: RecordKey) -> Flight? {
        mutex.withLock { flights[key] }
    }

    /// The flight of a key, made now if there is none.
    ///
    /// - Returns: The flight, and whether it is new, and so the caller's to lead.
    func flightToJoin(_ key: KeyMaterial) -> (flight: Flight, isNew: Bool) {
        // Asked before the table is locked: a flight that is left by its last caller is removed under its own lock.
        let known = self.flight(of: key.recordKey)
        let isAbandoned = known?.isAbandoned ?? false
        return mutex.withLock {
            if let now = flights[key.recordKey], !(isAbandoned && now === known) { return (now, false) }
            let flight = Flight(key: key)
            flights[key.recordKey] = flight
            return (flight, true)
        }
    }

    /// Forgets a flight: the next caller looks at the table anew.
    func remove(_ flight: Flight) {
        mutex.withLock {
            if flights[flight.key.recordKey] === flight { flights[flight.key.recordKey] = nil }
        }
    }

    // MARK: Counting

    /// What happened in this process so far.
    var counted: RefreshCounts { mutex.withLock { counts } }

    /// Counts one here, and for the fleet what `counter` says.
    ///
    /// - Returns: Where the fleet counts; `nil` where it does not.
    @discardableResult
    func count(_ field: WritableKeyPath<RefreshCounts, Int>, _ counter: FleetCounter? = nil) -> FleetSlot? {
        let slot: FleetSlot? = mutex.withLock {
            counts[keyPath: field] += 1
            return membership.slot
        }
        if let counter { slot?.count(counter) }
        return slot
    }

    /// Where this process counts for the fleet; `nil` where it does not.
    var slot: FleetSlot? { mutex.withLock { membership.slot } }

    /// The same for a caller that waits; where there is none yet, it will be counted in when there is.
    func slot(orLaterFor mark: WaitMark) -> FleetSlot? {
        mutex.withLock {
            if membership.slot == nil { membership.remember(mark) }
            return membership.slot
        }
    }

    /// Callers that wait since before there was a slot, once.
    func takeUnseen() -> [WaitMark] { mutex.withLock { membership.takeUnseen() } }

    func isWantingSlot(in environment: EnvironmentID, now: MonotonicInstant) -> Bool {
        mutex.withLock { membership.isWanting(environment, now: now) }
    }

    /// See ``FleetMembership/settle(_:in:now:)``.
    func settle(
        _ outcome: Result<FleetSlot, CounterFileError>, in environment: EnvironmentID, now: MonotonicInstant
    ) -> Bool {
        mutex.withLock { membership.settle(outcome, in: environment, now: now) }
    }
}

/// What happened in this process, in one directory, since it started or was forked.
public struct RefreshCounts: Sendable, Hashable {
    /// Calls to the upstream.
    public var upstreamCalls = 0
    /// Leases taken.
    public var claims = 0
    /// Leases taken from a holder that had died or run past its end.
    public var takeovers = 0
    /// Results found stored.
    public var hits = 0
    /// Refreshes made without a lease, since the table failed.
    public var refreshedAlone = 0
    /// Failures of the table.
    public var coordinationFailures = 0
    /// Outcomes that did not open and were discarded.
    public var discardedOutcomes = 0
}
