import CLMDB
import CLinux
import Glibc
import ProcessSupport

/// One opening of an environment: under the open lock, decides whether to join, renew or make what is there.
///
/// The files of a directory: `open.lock`, held exclusively while somebody opens; `alive.lock`, held shared by
/// every process that has it open, for life; `guard`, see ``WriteGuard``; LMDB's `data.mdb` and `lock.mdb`.
///
/// Any of them may be removed by hand at any moment, one after the other. What holds all the same: a data file is
/// bound to one `alive.lock` for ever, and its lock file changes only while that one is held exclusively. Whatever
/// does not belong together by what the guard says is left to those who use it, and everything is made anew.
struct EnvironmentOpening {
    static let dataFileName = "data.mdb"
    private static let lockFileName = "lock.mdb"
    private static let openLockName = "open.lock"
    private static let aliveLockName = "alive.lock"
    /// What a process killed in its first creation leaves is one page; a complete file begins with two meta pages.
    private static let smallestDataSize: Int64 = 8192

    let options: EnvironmentOptions
    let deadline: MonotonicInstant

    /// Opens, and tries again while somebody is removing the directory, until the deadline.
    ///
    /// - Parameter known: An environment that this process has open on a data file.
    func run(known: (FileStatus.Identity) -> Environment?) throws(EnvironmentError) -> Environment {
        let machine = try MachineIdentity.current()
        while true {
            do throws(EnvironmentError) {
                if let environment = try attempt(machine, known: known) { return environment }
            } catch {
                guard options.role == .participant, error.isOfSomethingGone else { throw error }
            }
            guard MonotonicInstant.now() < deadline else {
                throw .timedOut(waitingFor: "the removal of \(options.path), which somebody has begun")
            }
            pause(for: .milliseconds(1))
        }
    }

    private func attempt(
        _ machine: MachineIdentity, known: (FileStatus.Identity) -> Environment?
    ) throws(EnvironmentError) -> Environment? {
        let directory = try EnvironmentDirectory(options: options)
        var kept = false
        defer { if !kept { directory.close() } }
        // Before anything is made in a directory that is another program's.
        try checkFiles(directory)
        let lock = try FileLock.exclusive(
            Self.openLockName, in: directory, create: options.role == .participant, until: deadline)
        defer { lock.release() }
        if let data = directory.status(of: Self.dataFileName), let open = known(data.identity) { return open }
        let opened = try open(directory, machine)
        kept = opened != nil
        return opened
    }

    /// What to do with the files as they are.
    private enum Plan {
        /// Others are in it: use it as it is.
        case join(WriteGuard)
        /// Nobody is in it: keep the data, make the locks anew.
        case renew(GuardHeader)
        /// Make everything anew. Those who use what is there find that it is no longer current.
        case create
        /// Somebody is just removing it.
        case wait
    }

    /// Opens under the open lock; `nil` where the directory is being removed.
    private func open(
        _ directory: EnvironmentDirectory, _ machine: MachineIdentity
    ) throws(EnvironmentError) -> Environment? {
        guard let alive = try takeAliveLock(directory) else { return nil }
        var kept = false
        defer { if !kept { clinux_close_fork_private(alive.descriptor) } }
        var plan = try self.plan(directory, alive, machine)
        while true {
            do throws(EnvironmentError) {
                let environment: Environment?
                switch plan {
                case .wait: environment = nil
                case .join(let writeGuard):
                    environment = try load(directory, writeGuard, alive)
                case .renew(let header):
                    try directory.remove(Self.lockFileName)
                    environment = try make(directory, header, alive)
                case .create:
                    // The guard goes first: from here to its return, whatever is left counts as incomplete.
                    for name in [WriteGuard.fileName, Self.dataFileName, Self.lockFileName] {
                        try directory.remove(name)
                    }
                    environment = try make(directory, newHeader(machine, alive), alive)
                }
                kept = environment != nil
                return environment
            } catch {
                // Damage in a table that nobody uses costs nothing but its retained results.
                guard case .renew = plan, case .damaged = error else { throw error }
                plan = .create
            }
        }
    }

    private func plan(
        _ directory: EnvironmentDirectory, _ alive: AliveLock, _ machine: MachineIdentity
    ) throws(EnvironmentError) -> Plan {
        let mayRebuild = alive.isAlone && options.role == .participant
        var found: WriteGuard?
        do throws(EnvironmentError) {
            found = try WriteGuard.open(in: directory)
        } catch {
            guard case .damaged = error, mayRebuild else { throw error }
        }
        guard let found else {
            // Without its guard the environment was never complete: nobody can be using it.
            if options.role == .inspector { throw .notThere(path: options.path) }
            return .create
        }
        if let difference = machine.difference(from: found.header.machine) {
            if mayRebuild { return .create }
            throw .otherNamespace(path: options.path, difference: difference)
        }
        guard let data = directory.status(of: Self.dataFileName),
            data.identity.inode == found.header.dataInode,
            alive.inode == found.header.aliveInode
        else { return options.role == .participant ? .create : .wait }
        if data.size < Self.smallestDataSize {
            if mayRebuild { return .create }
            throw .damaged(
                path: "\(options.path)/\(Self.dataFileName)", problem: "is cut short to \(data.size) bytes")
        }
        if mayRebuild { return try isSound(directory, within: found.header.mapSize) ? .renew(found.header) : .create }
        guard directory.status(of: Self.lockFileName)?.identity.inode == found.header.lockInode else {
            return options.role == .participant ? .create : .wait
        }
        return .join(found)
    }

    /// What the library never makes, and what another version made, is refused before anything is changed.
    private func checkFiles(_ directory: EnvironmentDirectory) throws(EnvironmentError) {
        for name in [
            Self.openLockName, Self.aliveLockName, WriteGuard.fileName, Self.dataFileName, Self.lockFileName,
        ] {
            if let status = directory.status(of: name), !status.isRegular {
                throw .suspiciousFile(path: "\(options.path)/\(name)", problem: "is not a regular file")
            }
        }
        do throws(EnvironmentError) {
            _ = try WriteGuard.open(in: directory)
        } catch {
            if case .otherVersion = error { throw error }
        }
    }

    /// Whether the data that somebody left behind can be used again. LMDB itself would crash on much that is wrong.
    private func isSound(
        _ directory: EnvironmentDirectory, within mapSize: UInt64
    ) throws(EnvironmentError) -> Bool {
        let file = try directory.open(Self.dataFileName, create: false)
        defer { close(file) }
        guard let status = FileStatus(descriptor: file), status.size <= mapSize else { return false }
        return DataFileCheck.isSound(file, size: status.size)
    }

    private func newHeader(_ machine: MachineIdentity, _ alive: AliveLock) -> GuardHeader {
        var random = SystemRandomNumberGenerator()
        return GuardHeader(
            environmentID: (random.next(), random.next()), machine: machine,
            mapSize: UInt64(options.mapSize), readerSlots: UInt32(clamping: options.readerSlots),
            aliveInode: alive.inode)
    }

    private func make(
        _ directory: EnvironmentDirectory, _ header: GuardHeader, _ alive: AliveLock
    ) throws(EnvironmentError) -> Environment? {
        var header = header
        header.lockInode = try allocateLockFile(directory, readerSlots: Int(header.readerSlots))
        return try load(directory, WriteGuard.create(header, in: directory), alive, publish: true)
    }

    /// Gives the lock file its blocks. LMDB only sets its size: on a full file system the first touch of its
    /// mapping would be a SIGBUS.
    ///
    /// - Returns: Its inode.
    private func allocateLockFile(
        _ directory: EnvironmentDirectory, readerSlots: Int
    ) throws(EnvironmentError) -> UInt64 {
        let file = try directory.open(Self.lockFileName, create: true)
        defer { close(file) }
        // 64 bytes for each slot, and two cache lines before them; rounded up to pages.
        let length = ((readerSlots + 4) * 64 + 4095) / 4096 * 4096
        guard clinux_allocate(file, Int64(length)) == 0, let status = FileStatus(descriptor: file) else {
            throw .system(SystemCallError("fallocate", path: "\(options.path)/\(Self.lockFileName)"))
        }
        return status.identity.inode
    }

    private func load(
        _ directory: EnvironmentDirectory, _ writeGuard: WriteGuard, _ alive: AliveLock, publish: Bool = false
    ) throws(EnvironmentError) -> Environment? {
        var created: OpaquePointer?
        try unsafe translate(mdb_env_create(&created), "mdb_env_create")
        guard let handle = unsafe created else { throw .lmdb(LMDBError(MDB_PANIC, in: "mdb_env_create")) }
        do throws(EnvironmentError) {
            let header = writeGuard.header
            try unsafe translate(
                mdb_env_set_mapsize(handle, Int(clamping: header.mapSize)), "mdb_env_set_mapsize")
            try unsafe translate(mdb_env_set_maxreaders(handle, header.readerSlots), "mdb_env_set_maxreaders")
            let flags = UInt32(MDB_NOSYNC | MDB_NOTLS)
            let code = unsafe mdb_env_open(handle, options.path, flags, directory.fileMode)
            if code != MDB_SUCCESS {
                throw Self.openingError(LMDBError(code, in: "mdb_env_open"), options.path)
            }
            var descriptor: Int32 = -1
            try unsafe translate(mdb_env_get_fd(handle, &descriptor), "mdb_env_get_fd")
            // LMDB opens by path, makes what is missing, and by umask: make sure of all three.
            guard let data = FileStatus(descriptor: descriptor), directory.isCurrent,
                directory.status(of: Self.dataFileName)?.identity == data.identity,
                header.dataInode == 0 || header.dataInode == data.identity.inode,
                directory.status(of: Self.lockFileName)?.identity.inode == header.lockInode,
                !alive.isAlone || clinux_flock(alive.descriptor, LOCK_SH | LOCK_NB) == 0
            else {
                unsafe mdb_env_close(handle)
                return nil
            }
            fchmod(descriptor, directory.fileMode)
            // LMDB leaves the data file, and it alone, open to the programs that this process starts.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if publish { try writeGuard.publish(dataInode: data.identity.inode, in: directory) }
            return unsafe Environment(
                handle: handle, directory: directory, writeGuard: writeGuard, dataIdentity: data.identity,
                aliveDescriptor: alive.descriptor, readersPerProcess: options.readersPerProcess)
        } catch {
            unsafe mdb_env_close(handle)
            throw error
        }
    }

    private static func openingError(_ error: LMDBError, _ path: String) -> EnvironmentError {
        switch error.code {
        case .invalid, .corrupted, .pageNotFound, .panic:
            .damaged(path: "\(path)/\(dataFileName)", problem: "is damaged (\(error))")
        case .versionMismatch:
            .damaged(path: path, problem: "was made by another version of LMDB (\(error))")
        default: .lmdb(error)
        }
    }

    /// `alive.lock` as this opening has it.
    private struct AliveLock {
        let descriptor: Int32
        let inode: UInt64
        /// Held exclusively so far: nobody else has the environment open.
        let isAlone: Bool
    }

    /// Takes `alive.lock` exclusively if nobody has it, otherwise shared.
    ///
    /// - Returns: `nil` where somebody has it exclusively: another opening, whose `open.lock` was removed.
    private func takeAliveLock(_ directory: EnvironmentDirectory) throws(EnvironmentError) -> AliveLock? {
        let descriptor = try directory.open(
            Self.aliveLockName, create: options.role == .participant, forkPrivate: true)
        let isAlone = clinux_flock(descriptor, LOCK_EX | LOCK_NB) == 0
        guard isAlone || clinux_flock(descriptor, LOCK_SH | LOCK_NB) == 0,
            let status = FileStatus(descriptor: descriptor)
        else {
            clinux_close_fork_private(descriptor)
            return nil
        }
        return AliveLock(descriptor: descriptor, inode: status.identity.inode, isAlone: isAlone)
    }
}

extension EnvironmentError {
    /// Whether it comes of somebody having removed a file or the directory meanwhile.
    fileprivate var isOfSomethingGone: Bool {
        switch self {
        case .notThere: true
        case .system(let error): error.code == ENOENT
        case .lmdb(let error): error.code == .system(ENOENT)
        default: false
        }
    }
}
