import CLMDB
import CLinux
import Glibc
import ProcessSupport

/// One opening of an environment: under the open lock, decides whether to join, renew or make what is there.
///
/// The files of a directory: `open.lock`, held exclusively while somebody opens; `alive.lock`, held shared by
/// every process that has it open, for life; `guard`, see ``WriteGuard``; LMDB's `data.mdb` and `lock.mdb`.
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
        while true {
            if let environment = try attempt(known: known) { return environment }
            guard MonotonicInstant.now() < deadline else {
                throw .timedOut(waitingFor: "the removal of \(options.path), which somebody has begun")
            }
            pause(for: .milliseconds(1))
        }
    }

    private func attempt(known: (FileStatus.Identity) -> Environment?) throws(EnvironmentError) -> Environment? {
        let directory = try EnvironmentDirectory(options: options)
        var kept = false
        defer { if !kept { directory.close() } }
        let lock = try FileLock.exclusive(
            Self.openLockName, in: directory, create: options.role == .participant, until: deadline)
        defer { lock.release() }
        if let data = directory.status(of: Self.dataFileName), let open = known(data.identity) { return open }
        let opened = try open(directory)
        kept = opened != nil
        return opened
    }

    /// What to do with the files as they are.
    private enum Plan {
        /// Others are in it: use it as it is.
        case join(WriteGuard)
        /// Nobody is in it: keep the data, make the locks anew.
        case renew(WriteGuard.Header)
        /// Make everything anew.
        case create
        /// Somebody is just removing it.
        case wait
    }

    /// Opens under the open lock; `nil` where the directory is being removed.
    private func open(_ directory: EnvironmentDirectory) throws(EnvironmentError) -> Environment? {
        let alive = try shareAliveLock(directory)
        var kept = false
        defer { if !kept { close(alive.descriptor) } }
        let machine = try MachineIdentity.current()
        var plan = try self.plan(directory, isAlone: alive.isAlone, machine: machine)
        while true {
            do throws(EnvironmentError) {
                let environment: Environment?
                switch plan {
                case .wait: environment = nil
                case .join(let writeGuard):
                    environment = try load(directory, writeGuard, alive: alive.descriptor)
                case .renew(let header):
                    try directory.remove(Self.lockFileName)
                    environment = try make(directory, header, alive: alive.descriptor)
                case .create:
                    environment = try make(directory, newHeader(machine), alive: alive.descriptor, clear: true)
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
        _ directory: EnvironmentDirectory, isAlone: Bool, machine: MachineIdentity
    ) throws(EnvironmentError) -> Plan {
        let mayRebuild = isAlone && options.role == .participant
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
            directory.status(of: Self.lockFileName) != nil
        else { return mayRebuild ? .create : .wait }
        let dataPath = "\(options.path)/\(Self.dataFileName)"
        guard data.isRegular else { throw .suspiciousFile(path: dataPath, problem: "is not a regular file") }
        if data.size < Self.smallestDataSize {
            if mayRebuild { return .create }
            throw .damaged(path: dataPath, problem: "is cut short to \(data.size) bytes")
        }
        return mayRebuild ? .renew(found.header) : .join(found)
    }

    private func newHeader(_ machine: MachineIdentity) -> WriteGuard.Header {
        var random = SystemRandomNumberGenerator()
        return WriteGuard.Header(
            environmentID: (random.next(), random.next()), machine: machine,
            mapSize: UInt64(options.mapSize), readerSlots: UInt32(clamping: options.readerSlots))
    }

    private func make(
        _ directory: EnvironmentDirectory, _ header: WriteGuard.Header, alive: Int32, clear: Bool = false
    ) throws(EnvironmentError) -> Environment? {
        if clear {
            // The guard goes first: from here to its return, whatever is left counts as incomplete.
            for name in [WriteGuard.fileName, Self.dataFileName, Self.lockFileName] { try directory.remove(name) }
        }
        try allocateLockFile(directory, readerSlots: Int(header.readerSlots))
        let writeGuard = try WriteGuard.create(header, in: directory)
        guard let environment = try load(directory, writeGuard, alive: alive) else { return nil }
        try writeGuard.publish(in: directory)
        return environment
    }

    /// Gives the lock file its blocks. LMDB only sets its size: on a full file system the first touch of its
    /// mapping would be a SIGBUS.
    private func allocateLockFile(_ directory: EnvironmentDirectory, readerSlots: Int) throws(EnvironmentError) {
        let file = try directory.open(Self.lockFileName, create: true)
        defer { close(file) }
        // 64 bytes for each slot, and two cache lines before them; rounded up to pages.
        let length = ((readerSlots + 4) * 64 + 4095) / 4096 * 4096
        guard clinux_allocate(file, Int64(length)) == 0 else {
            throw .system(SystemCallError("fallocate", path: "\(options.path)/\(Self.lockFileName)"))
        }
    }

    private func load(
        _ directory: EnvironmentDirectory, _ writeGuard: WriteGuard, alive: Int32
    ) throws(EnvironmentError) -> Environment? {
        var created: OpaquePointer?
        try unsafe translate(mdb_env_create(&created), "mdb_env_create")
        guard let handle = unsafe created else { throw .lmdb(LMDBError(MDB_PANIC, in: "mdb_env_create")) }
        do throws(EnvironmentError) {
            let header = writeGuard.header
            try unsafe translate(mdb_env_set_mapsize(handle, Int(clamping: header.mapSize)), "mdb_env_set_mapsize")
            try unsafe translate(mdb_env_set_maxreaders(handle, header.readerSlots), "mdb_env_set_maxreaders")
            let flags = UInt32(MDB_NOSYNC | MDB_NOTLS)
            let code = unsafe mdb_env_open(handle, options.path, flags, directory.fileMode)
            if code != MDB_SUCCESS { throw Self.openingError(LMDBError(code, in: "mdb_env_open"), options.path) }
            var descriptor: Int32 = -1
            try unsafe translate(mdb_env_get_fd(handle, &descriptor), "mdb_env_get_fd")
            // LMDB opens by path and by umask: make sure of both.
            guard let data = FileStatus(descriptor: descriptor), directory.isCurrent,
                directory.status(of: Self.dataFileName)?.identity == data.identity
            else {
                unsafe mdb_env_close(handle)
                return nil
            }
            fchmod(descriptor, directory.fileMode)
            return unsafe Environment(
                handle: handle, directory: directory, writeGuard: writeGuard, dataIdentity: data.identity,
                aliveDescriptor: alive, readersPerProcess: options.readersPerProcess)
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

    private func shareAliveLock(
        _ directory: EnvironmentDirectory
    ) throws(EnvironmentError) -> (descriptor: Int32, isAlone: Bool) {
        close(try directory.open(Self.aliveLockName, create: options.role == .participant))
        var alone: Int32 = 0
        let descriptor = unsafe clinux_open_and_share(
            directory.descriptor, Self.aliveLockName, O_RDWR | O_NOFOLLOW | O_CLOEXEC, &alone)
        guard descriptor >= 0 else {
            throw .system(SystemCallError("flock", path: "\(options.path)/\(Self.aliveLockName)"))
        }
        return (descriptor, alone != 0)
    }
}
