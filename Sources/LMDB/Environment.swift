import CLMDB
import CLinux
import Glibc
public import ProcessSupport

/// An LMDB environment that many processes share: safe to be killed in, forked from, and waited for with deadlines.
///
/// There is one per process and directory, got from ``open(_:deadline:)`` and never closed while the process
/// lives: opening one twice, or closing a descriptor of its lock file, would drop its locks. It belongs to the
/// process that opened it. A forked child neither uses nor closes what it inherited: `open` gives it its own.
///
/// The file is opened with `MDB_NOSYNC` and `MDB_NOTLS`, never with `MDB_WRITEMAP`, which loses meta pages when
/// processes are killed and turns a full tmpfs into SIGBUS. Nothing is synchronised to disk: the content is
/// coordination, not data, and is not trusted across a reboot.
///
/// Thread-safe.
@safe public final class Environment: @unchecked Sendable {
    /// The directory's path.
    public let path: String
    /// The 128-bit random id of this environment: another one after every rebuild.
    public let id: (UInt64, UInt64)
    /// Size of the map in bytes.
    public let mapSize: Int

    private let handle: OpaquePointer
    private let directory: EnvironmentDirectory
    private let writeGuard: WriteGuard
    private let readers: ReaderPool
    private let dataIdentity: FileStatus.Identity
    // As system calls take it.
    private let dataPath: [CChar]
    private let generation = forkGeneration()
    /// Held, shared, for the process's life: who can take the file exclusively is alone.
    private let aliveDescriptor: Int32
    /// Guarded by `writeGuard`.
    private var nextReaderCheck = MonotonicInstant(nanoseconds: 0)

    /// How often a writer frees the slots of readers that were killed: often enough that a dead one pins pages
    /// for seconds only, rarely enough to cost nothing.
    private static let readerCheckInterval = Duration.seconds(5)

    /// Free bytes below which a short write is put down to a full file system: one page and more.
    private static let fullBelow: Int64 = 65_536

    init(
        handle: OpaquePointer, directory: EnvironmentDirectory, writeGuard: WriteGuard,
        dataIdentity: FileStatus.Identity, aliveDescriptor: Int32, readersPerProcess: Int
    ) {
        unsafe self.handle = handle
        self.directory = directory
        self.writeGuard = writeGuard
        self.dataIdentity = dataIdentity
        self.aliveDescriptor = aliveDescriptor
        path = directory.path
        dataPath = [CChar]("\(directory.path)/\(EnvironmentOpening.dataFileName)".utf8CString)
        id = writeGuard.header.environmentID
        mapSize = Int(clamping: writeGuard.header.mapSize)
        readers = unsafe ReaderPool(environment: handle, writeGuard: writeGuard, limit: readersPerProcess)
    }

    /// This process's environment at `options.path`, opened now if it is not open yet, or if the one that is open
    /// has been removed from its path.
    ///
    /// - Parameter deadline: When to give up waiting for another process that is opening.
    /// - Throws: ``EnvironmentError``.
    public static func open(
        _ options: EnvironmentOptions, deadline: MonotonicInstant
    ) throws(EnvironmentError) -> Environment {
        try ForkLocal<EnvironmentRegistry>(.environments).value(EnvironmentRegistry.init)
            .environment(options, deadline: deadline)
    }

    /// Whether the path still leads to this environment, and this is the process that opened it. One system call.
    public var isCurrent: Bool {
        guard generation == forkGeneration() else { return false }
        var status = stat()
        guard unsafe lstat(dataPath, &status) == 0 else { return false }
        return FileStatus(status).identity == dataIdentity
    }

    /// A descriptor of the directory, for what else is kept in it. Not to be closed.
    public var directoryDescriptor: Int32 { directory.descriptor }

    /// Permission bits for files made in the directory.
    public var fileMode: UInt32 { UInt32(directory.fileMode) }

    var identity: FileStatus.Identity { dataIdentity }

    /// Runs `body` in a read transaction. `body` is short: it never waits, logs or calls out, since a reader that
    /// stalls pins every page that is replaced meanwhile.
    ///
    /// - Throws: ``EnvironmentError``; `.timedOut` where all of this process's readers stayed in use.
    @inlinable
    public func read<Result>(
        until deadline: MonotonicInstant,
        _ body: (borrowing ReadTransaction) throws(EnvironmentError) -> Result
    ) throws(EnvironmentError) -> Result {
        let transaction = try unsafe beginReading(until: deadline)
        defer { unsafe endReading(transaction) }
        return try body(unsafe ReadTransaction(transaction))
    }

    @usableFromInline
    func beginReading(until deadline: MonotonicInstant) throws(EnvironmentError) -> OpaquePointer {
        try unsafe readers.begin(until: deadline)
    }

    @usableFromInline
    func endReading(_ transaction: OpaquePointer) {
        unsafe readers.end(transaction)
    }

    /// How a write transaction ends.
    public enum Ending<Result> {
        /// What was written holds.
        case commit(Result)
        /// Nothing was written.
        case abort(Result)
    }

    /// Runs `body` in the write transaction, then commits or aborts as it says; what it throws aborts.
    ///
    /// - Throws: ``EnvironmentError``; `.timedOut` where another process held the write lock until `deadline`, and
    ///   what LMDB says of lack of space, after nothing was written.
    @inlinable
    public func write<Result>(
        until deadline: MonotonicInstant,
        _ body: (borrowing WriteTransaction) throws(EnvironmentError) -> Ending<Result>
    ) throws(EnvironmentError) -> Result {
        let transaction = try unsafe beginWriting(until: deadline)
        let ending: Ending<Result>
        do throws(EnvironmentError) {
            ending = try body(unsafe WriteTransaction(transaction))
        } catch {
            unsafe abortWriting(transaction)
            throw error
        }
        switch ending {
        case .abort(let result):
            unsafe abortWriting(transaction)
            return result
        case .commit(let result):
            try unsafe commitWriting(transaction)
            return result
        }
    }

    /// Takes the write lock, which the transaction's end gives back.
    @usableFromInline
    func beginWriting(until deadline: MonotonicInstant) throws(EnvironmentError) -> OpaquePointer {
        try writeGuard.lock(until: deadline)
        checkReadersNowAndThen()
        do throws(EnvironmentError) {
            return try unsafe beginLocked(until: deadline)
        } catch {
            writeGuard.unlock()
            throw error
        }
    }

    @usableFromInline
    func abortWriting(_ transaction: OpaquePointer) {
        unsafe mdb_txn_abort(transaction)
        writeGuard.unlock()
    }

    @usableFromInline
    func commitWriting(_ transaction: OpaquePointer) throws(EnvironmentError) {
        defer { writeGuard.unlock() }
        var code = unsafe mdb_txn_commit(transaction)
        // A write of several pages that ends where the file system is full is short, which LMDB calls EIO.
        if code == EIO && clinux_free_bytes(directory.descriptor) < Self.fullBelow { code = ENOSPC }
        try translate(code, "mdb_txn_commit")
    }

    /// Runs `body` while nobody else writes or does this, in any process: for what is kept beside the data. `body` takes
    /// microseconds: writers wait for it.
    ///
    /// - Throws: ``EnvironmentError``, `.timedOut` where another process held the lock until `deadline`.
    package func withWriteLock(until deadline: MonotonicInstant, _ body: () -> Void) throws(EnvironmentError) {
        try writeGuard.lock(until: deadline)
        defer { writeGuard.unlock() }
        body()
    }

    /// Frees the slots of readers that no longer live.
    ///
    /// - Returns: How many there were.
    @discardableResult
    public func checkReaders(until deadline: MonotonicInstant) throws(EnvironmentError) -> Int {
        try writeGuard.lock(until: deadline)
        defer { writeGuard.unlock() }
        var freed: Int32 = 0
        try unsafe translate(mdb_reader_check(handle, &freed), "mdb_reader_check")
        return Int(freed)
    }

    /// How many bytes within the file can be used again. Walks LMDB's list of free pages: for when the file is nearly
    /// full.
    public func reusableBytes(until deadline: MonotonicInstant) throws(EnvironmentError) -> Int {
        var statistics = MDB_stat()
        unsafe mdb_env_stat(handle, &statistics)
        let oldest = oldestTransactionRead
        let pages = try read(until: deadline) { transaction throws(EnvironmentError) in
            try transaction.pagesFreed(before: oldest)
        }
        return pages * Int(statistics.ms_psize)
    }

    /// The oldest transaction that a reader of any process still sees; `Int.max` where nobody reads.
    private var oldestTransactionRead: Int {
        var oldest = Int.max
        _ = unsafe withUnsafeMutablePointer(to: &oldest) { address in
            // One line for each slot in use: pid, thread, and the transaction, or "-" where it is idle.
            unsafe mdb_reader_list(
                handle,
                { line, context in
                    guard let line = unsafe line, let context = unsafe context,
                        let last = unsafe String(cString: line).split(whereSeparator: \.isWhitespace).last,
                        let transaction = Int(last)
                    else { return 0 }
                    let oldest = unsafe context.assumingMemoryBound(to: Int.self)
                    unsafe oldest.pointee = min(oldest.pointee, transaction)
                    return 0
                }, address)
        }
        return oldest
    }

    /// How full map and file system are.
    public func space() -> EnvironmentSpace {
        var information = unsafe MDB_envinfo()
        var statistics = MDB_stat()
        unsafe mdb_env_info(handle, &information)
        unsafe mdb_env_stat(handle, &statistics)
        let pageSize = Int(statistics.ms_psize)
        return unsafe EnvironmentSpace(
            mapSize: information.me_mapsize, pageSize: pageSize,
            usedToPage: (information.me_last_pgno + 1) * pageSize,
            fileSystemFree: Int(clinux_free_bytes(directory.descriptor)),
            readersInUse: Int(information.me_numreaders), readerSlots: Int(information.me_maxreaders),
            pairs: statistics.ms_entries)
    }

    private func beginLocked(until deadline: MonotonicInstant) throws(EnvironmentError) -> OpaquePointer {
        var begun: OpaquePointer?
        var code = unsafe mdb_txn_begin(handle, nil, 0, &begun)
        if code == MDB_MAP_RESIZED {
            // The map must not move under a transaction of this process: first all of them end.
            code = try readers.withAllIdle(until: deadline) { () throws(EnvironmentError) in
                let resized = unsafe mdb_env_set_mapsize(handle, 0)
                return unsafe resized == MDB_SUCCESS ? mdb_txn_begin(handle, nil, 0, &begun) : resized
            }
        }
        try translate(code, "mdb_txn_begin")
        guard let transaction = unsafe begun else { throw .lmdb(LMDBError(MDB_PANIC, in: "mdb_txn_begin")) }
        var database: MDB_dbi = 0
        code = unsafe mdb_dbi_open(transaction, nil, 0, &database)
        if code != MDB_SUCCESS {
            unsafe mdb_txn_abort(transaction)
            try translate(code, "mdb_dbi_open")
        }
        return unsafe transaction
    }

    private func checkReadersNowAndThen() {
        let now = MonotonicInstant.now()
        guard now >= nextReaderCheck else { return }
        nextReaderCheck = now.advanced(by: Self.readerCheckInterval)
        var freed: Int32 = 0
        unsafe _ = mdb_reader_check(handle, &freed)
    }
}

/// How much room an environment has.
public struct EnvironmentSpace: Sendable, Hashable {
    /// Size of the map in bytes: the file cannot grow beyond.
    public var mapSize: Int
    /// Size of a page in bytes.
    public var pageSize: Int
    /// Bytes up to the last page ever used; pages before it may be free.
    public var usedToPage: Int
    /// Free bytes of the file system, or -1 where it does not say.
    public var fileSystemFree: Int
    /// Reader slots that were ever taken at once.
    public var readersInUse: Int
    /// Reader slots there are.
    public var readerSlots: Int
    /// Keys in the newest commit.
    public var pairs: Int
}
