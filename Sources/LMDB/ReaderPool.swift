import CLMDB
import ProcessSupport

/// The read transactions a process keeps ready.
///
/// Each keeps its slot in LMDB's reader table between uses (`MDB_NOTLS`), so that a read takes no lock shared with
/// other processes and no system call: results can be read while a writer is stopped. A new one is made only when
/// none exists yet or all are in use, and then under the write guard, since it takes LMDB's reader lock.
@safe final class ReaderPool: @unchecked Sendable {
    private let environment: OpaquePointer
    private let writeGuard: WriteGuard
    private let limit: Int

    private let mutex = TimedMutex()
    private let returned: TimedMutex.Condition
    /// Guarded by `mutex`.
    private var idle: [OpaquePointer] = unsafe []
    /// Guarded by `mutex`: transactions made, idle or in use.
    private var count = 0
    /// Guarded by `mutex`: transactions being made. They wait for the write guard, whose holder may be waiting for
    /// `withAllIdle`: hence not in `count`.
    private var underWay = 0

    init(environment: OpaquePointer, writeGuard: WriteGuard, limit: Int) {
        unsafe self.environment = environment
        self.writeGuard = writeGuard
        self.limit = max(1, limit)
        returned = TimedMutex.Condition(of: mutex)
        unsafe idle.reserveCapacity(self.limit)
    }

    /// A read transaction of the newest commit, for ``end(_:)`` to take back.
    func begin(until deadline: MonotonicInstant) throws(EnvironmentError) -> OpaquePointer {
        let handle = try unsafe take(until: deadline)
        let code = unsafe mdb_txn_renew(handle)
        if code != MDB_SUCCESS {
            unsafe give(back: handle)
            try translate(code, "mdb_txn_renew")
        }
        return unsafe handle
    }

    /// Ends a transaction that was begun here.
    func end(_ handle: OpaquePointer) {
        unsafe mdb_txn_reset(handle)
        unsafe give(back: handle)
    }

    /// Runs `body` while no transaction of the pool is in use.
    func withAllIdle<Result>(
        until deadline: MonotonicInstant, _ body: () throws(EnvironmentError) -> Result
    ) throws(EnvironmentError) -> Result {
        let taken: [OpaquePointer] = try unsafe mutex.withLock { () throws(EnvironmentError) in
            while unsafe idle.count < count {
                if !returned.wait(until: deadline) { throw .timedOut(waitingFor: "this process's readers") }
            }
            let all = unsafe idle
            unsafe idle.removeAll(keepingCapacity: true)
            return unsafe all
        }
        defer {
            mutex.withLock { unsafe idle.append(contentsOf: taken) }
            returned.broadcast()
        }
        return try body()
    }

    private func take(until deadline: MonotonicInstant) throws(EnvironmentError) -> OpaquePointer {
        var mayMake = true
        while true {
            let (ready, hasOthers) = try unsafe idleOrPlace(mayMake: mayMake, until: deadline)
            if let ready = unsafe ready { return unsafe ready }
            do throws(EnvironmentError) {
                // Whoever is stopped with the write guard must not hold up a read that another reader serves in a
                // moment: with others there, a new one is made only if the guard is free.
                return try unsafe make(until: hasOthers ? MonotonicInstant(nanoseconds: 0) : deadline)
            } catch {
                mutex.withLock { underWay -= 1 }
                returned.signal()
                guard hasOthers, case .timedOut = error else { throw error }
                mayMake = false
            }
        }
    }

    /// An idle transaction; or `nil` where the caller is to make one, and whether there are others, all in use.
    private func idleOrPlace(
        mayMake: Bool, until deadline: MonotonicInstant
    ) throws(EnvironmentError) -> (ready: OpaquePointer?, hasOthers: Bool) {
        try unsafe mutex.withLock { () throws(EnvironmentError) -> (OpaquePointer?, Bool) in
            while true {
                if let handle = unsafe idle.popLast() { return unsafe (handle, true) }
                if (mayMake || count == 0) && count + underWay < limit {
                    underWay += 1
                    return (nil, count > 0)
                }
                if !returned.wait(until: deadline) { throw .timedOut(waitingFor: "this process's readers") }
            }
        }
    }

    private func give(back handle: OpaquePointer) {
        mutex.withLock { unsafe idle.append(handle) }
        returned.signal()
    }

    private func make(until deadline: MonotonicInstant) throws(EnvironmentError) -> OpaquePointer {
        try writeGuard.lock(until: deadline)
        defer { writeGuard.unlock() }
        var made: OpaquePointer?
        var code = unsafe mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &made)
        if code == MDB_READERS_FULL {
            // Slots of readers that were killed are taken until somebody looks for them.
            var freed: Int32 = 0
            unsafe mdb_reader_check(environment, &freed)
            if freed > 0 { code = unsafe mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &made) }
        }
        try translate(code, "mdb_txn_begin")
        guard let handle = unsafe made else { throw .lmdb(LMDBError(MDB_PANIC, in: "mdb_txn_begin")) }
        var database: MDB_dbi = 0
        code = unsafe mdb_dbi_open(handle, nil, 0, &database)
        if code != MDB_SUCCESS {
            unsafe mdb_txn_abort(handle)
            try translate(code, "mdb_dbi_open")
        }
        unsafe mdb_txn_reset(handle)
        mutex.withLock {
            underWay -= 1
            count += 1
        }
        return unsafe handle
    }
}
