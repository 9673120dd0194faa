import LMDB
public import ProcessSupport

// How records are laid into the database: each with its entry in the expiry index, and every write removing a few that
// nobody needs any more.
extension LeaseTable {
    /// Runs one write: sweeps, then `body` with the instant read after the lock was had. Where room is lacking, frees what
    /// can be freed and runs `body` once more.
    func write<Result>(
        until deadline: MonotonicInstant,
        _ body: (borrowing WriteTransaction, BootInstant) throws(EnvironmentError) -> Environment.Ending<Result>
    ) throws(LeaseTableError) -> Result {
        do throws(LeaseTableError) {
            return try writeOnce(until: deadline, sweeping: configuration.sweepsPerWrite, body)
        } catch {
            guard error.isLackOfSpace else { throw error }
            try makeRoom(until: deadline)
            return try writeOnce(until: deadline, sweeping: 0, body)
        }
    }

    /// Frees what can be freed: pages that a killed reader pins, and records past their time.
    func makeRoom(until deadline: MonotonicInstant) throws(LeaseTableError) {
        try checkReaders(deadline: deadline)
        try sweep(atMost: 64, deadline: deadline)
    }

    /// Removes expired records, the oldest first.
    ///
    /// - Returns: How many were removed.
    @discardableResult
    public func sweep(atMost limit: Int, deadline: MonotonicInstant) throws(LeaseTableError) -> Int {
        try writeOnce(until: deadline, sweeping: 0) { transaction, now throws(EnvironmentError) in
            let removed = try removeExpired(atMost: limit, now: now, in: transaction)
            return removed == 0 ? .abort(0) : .commit(removed)
        }
    }

    /// Removes pipes that no living process has anything to do with.
    ///
    /// - Returns: How many were removed.
    @discardableResult
    public func sweepPipes() -> Int {
        let oldestLease = configuration.lease + configuration.requestTimeout + configuration.longestRetryPause
        return pipes.removeOrphans(olderThan: max(configuration.orphanedPipeAge, oldestLease * 2))
    }

    /// The record of a key. One that does not decode counts as none: the next claim replaces it.
    func stored(
        at key: RecordKey, in transaction: borrowing some Transaction & ~Copyable
    ) throws(EnvironmentError) -> LeaseRecord? {
        try unsafe TableKeys.withLease(key) { name throws(EnvironmentError) in
            guard let bytes = unsafe try transaction.bytes(of: name) else { return nil }
            return unsafe try? RecordCodec.decode(bytes, environment: environmentID)
        }
    }

    func store(
        _ record: LeaseRecord, replacing old: LeaseRecord?, at key: RecordKey,
        in transaction: borrowing WriteTransaction
    ) throws(EnvironmentError) {
        let bytes: [UInt8]
        do throws(RecordEncodingError) {
            bytes = try RecordCodec.encode(record)
        } catch {
            throw .damaged(path: directory.path, problem: error.description)
        }
        let (wasRemovableAt, removableAt) = (old?.removableAt, record.removableAt)
        if wasRemovableAt != removableAt {
            if let wasRemovableAt { try deleteExpiry(wasRemovableAt, key, in: transaction) }
            try unsafe TableKeys.withExpiry(removableAt, key) { name throws(EnvironmentError) in
                try unsafe transaction.put(name, UnsafeRawBufferPointer(start: nil, count: 0))
            }
        }
        let put = unsafe bytes.withUnsafeBytes { value in
            Result { () throws(EnvironmentError) in
                try unsafe TableKeys.withLease(key) { name throws(EnvironmentError) in
                    try unsafe transaction.put(name, value)
                }
            }
        }
        try put.get()
    }

    func delete(
        _ record: LeaseRecord?, at key: RecordKey, in transaction: borrowing WriteTransaction
    ) throws(EnvironmentError) {
        if let record { try deleteExpiry(record.removableAt, key, in: transaction) }
        try deleteLease(key, in: transaction)
    }

    private func deleteLease(
        _ key: RecordKey, in transaction: borrowing WriteTransaction
    ) throws(EnvironmentError) {
        try unsafe TableKeys.withLease(key) { name throws(EnvironmentError) in try unsafe _ = transaction.delete(name)
        }
    }

    private func deleteExpiry(
        _ instant: BootInstant, _ key: RecordKey, in transaction: borrowing WriteTransaction
    ) throws(EnvironmentError) {
        try unsafe TableKeys.withExpiry(instant, key) { name throws(EnvironmentError) in
            try unsafe _ = transaction.delete(name)
        }
    }

    private func writeOnce<Result>(
        until deadline: MonotonicInstant, sweeping limit: Int,
        _ body: (borrowing WriteTransaction, BootInstant) throws(EnvironmentError) -> Environment.Ending<Result>
    ) throws(LeaseTableError) -> Result {
        try translating { () throws(EnvironmentError) in
            try environment.write(until: deadline) { transaction throws(EnvironmentError) in
                let now = BootInstant.now()
                let ending = try body(transaction, now)
                // After the body, so that it decides on the record as it was, and only where something is written
                // anyway.
                if case .commit = ending, limit > 0 {
                    _ = try removeExpired(atMost: limit, now: now, in: transaction)
                }
                return ending
            }
        }
    }

    private func removeExpired(
        atMost limit: Int, now: BootInstant, in transaction: borrowing WriteTransaction
    ) throws(EnvironmentError) -> Int {
        var due: [(instant: BootInstant, key: RecordKey)] = []
        var damaged: [[UInt8]] = []
        try unsafe transaction.forEach(from: [TableKeys.expiryPrefix]) { bytes, _ in
            guard unsafe bytes.first == TableKeys.expiryPrefix else { return false }
            guard let entry = unsafe TableKeys.parseExpiry(bytes) else {
                unsafe damaged.append([UInt8](bytes))
                return damaged.count < limit
            }
            guard entry.instant <= now else { return false }
            due.append(entry)
            return due.count < limit
        }
        for key in damaged { try transaction.delete(key) }
        for (instant, key) in due {
            let record = try stored(at: key, in: transaction)
            if let record, record.state == .held, LeaseStateMachine.isRemovable(record, now: now) {
                // Its holder died, and nobody came to take over.
                pipes.remove(record.pipe)
            }
            // An entry whose record says another instant is a leftover; the record's own entry stands.
            if record.map({ LeaseStateMachine.isRemovable($0, now: now) }) ?? true {
                try deleteLease(key, in: transaction)
            }
            try deleteExpiry(instant, key, in: transaction)
        }
        return due.count + damaged.count
    }

    func translating<Result>(
        _ body: () throws(EnvironmentError) -> Result
    ) throws(LeaseTableError) -> Result {
        do throws(EnvironmentError) {
            return try body()
        } catch {
            throw .environment(error)
        }
    }
}
