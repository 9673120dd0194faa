import LMDB
public import LeaseTable
public import ProcessSupport

/// The counters that all processes of a table share.
public enum FleetCounters {
    /// This process's slot, claimed now where it has none.
    ///
    /// Makes the file where there is none, and frees the slots of dead processes where none is free; both under the
    /// table's write lock, which is waited for until `deadline`. Otherwise takes no lock.
    ///
    /// - Throws: ``CounterFileError``: this process then does not count, and everything else is as it was.
    public static func slot(
        in table: LeaseTable, deadline: MonotonicInstant
    ) throws(CounterFileError) -> FleetSlot {
        guard let owner = SlotOwner(.current()) else { throw .nameless }
        let slots = ForkLocal<ProcessSlots>(.counters).value(ProcessSlots.init)
        if let known = slots.slot(for: table.environmentID) { return known }
        let file = try opened(table, deadline)
        if let claimed = slots.claim(in: file, of: table.environmentID, for: owner) { return claimed }
        _ = try foldDead(file, table, deadline)
        guard let claimed = slots.claim(in: file, of: table.environmentID, for: owner) else {
            throw .full(path: file.path)
        }
        return claimed
    }

    /// Adds what dead processes counted to the total and frees their slots. For who keeps house: a claim does it too
    /// where it must.
    ///
    /// - Returns: How many slots.
    @discardableResult
    public static func foldDead(in table: LeaseTable, deadline: MonotonicInstant) throws(CounterFileError) -> Int {
        try foldDead(CounterFile.open(of: table, writable: true), table, deadline)
    }

    private static func foldDead(
        _ file: CounterFile, _ table: LeaseTable, _ deadline: MonotonicInstant
    ) throws(CounterFileError) -> Int {
        let folding = CounterFolding(file: file)
        let dead = folding.deadSlots { $0.process.isAlive }
        if dead.isEmpty && folding.state.pending == nil { return 0 }
        return try locked(table, deadline) { folding.fold(dead) }
    }

    private static func opened(
        _ table: LeaseTable, _ deadline: MonotonicInstant
    ) throws(CounterFileError) -> CounterFile {
        do throws(CounterFileError) {
            return try CounterFile.open(of: table, writable: true)
        } catch {
            guard error.isMended else { throw error }
        }
        return try locked(table, deadline) { () throws(CounterFileError) in
            do throws(CounterFileError) {
                // Somebody may have made it while we waited.
                return try CounterFile.open(of: table, writable: true)
            } catch {
                guard error.isMended else { throw error }
            }
            try CounterFile.make(for: table)
            return try CounterFile.open(of: table, writable: true)
        }
    }

    private static func locked<Result>(
        _ table: LeaseTable, _ deadline: MonotonicInstant, _ body: () throws(CounterFileError) -> Result
    ) throws(CounterFileError) -> Result {
        var outcome: Swift.Result<Result, CounterFileError>?
        try? table.environment.withWriteLock(until: deadline) {
            outcome = Swift.Result { () throws(CounterFileError) in try body() }
        }
        guard let outcome else { throw .busy(path: table.directory.path) }
        return try outcome.get()
    }
}

extension CounterFileError {
    /// Whether making the file anew mends it.
    fileprivate var isMended: Bool {
        switch self {
        case .notThere, .unusable: true
        default: false
        }
    }
}
