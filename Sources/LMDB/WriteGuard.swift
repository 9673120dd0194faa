import CLinux
import Glibc
import ProcessSupport

/// The file `guard`: a header that says who may share the environment, and the mutex before every write.
///
/// LMDB's own write lock has no timeout: a process stopped inside a transaction would hold every other one past
/// its deadline. So each write first takes this mutex, robust and shared between processes, with a deadline; the
/// same goes for what takes LMDB's reader lock. The file is written under another name and renamed when
/// everything else in the directory is complete: where it exists, the environment was made to its end.
///
/// Layout, little-endian, one page: 0 magic (8 bytes), 8 format version (4), 12 size of `pthread_mutex_t` (4),
/// 16 environment id (16), 32 boot id (16), 48 pid namespace (8), 56 time namespace (8), 64 map size (8),
/// 72 reader slots (4), 80 inode of `alive.lock` (8), 88 of `lock.mdb` (8), 96 of `data.mdb` (8), 128 mutex.
///
/// The inodes say which files belong together. While somebody removes the directory file by file, what is left
/// and what a newcomer makes must never be mixed: data used under two lock files has two writers.
@safe final class WriteGuard: @unchecked Sendable {
    static let fileName = "guard"
    static let temporaryFileName = "guard.new"
    /// Version of everything in the directory: this file, the keys, the records.
    static let formatVersion: UInt32 = 1
    static let size = 4096
    private static let magic: UInt64 = 0x7265_6672_6573_6864  // "refreshd"
    private static let mutexOffset = 128

    struct Header: Sendable {
        var environmentID: (UInt64, UInt64)
        var machine: MachineIdentity
        var mapSize: UInt64
        var readerSlots: UInt32
        var aliveInode: UInt64 = 0
        var lockInode: UInt64 = 0
        var dataInode: UInt64 = 0
    }

    let header: Header
    let identity: FileStatus.Identity
    private let path: String
    private let page: UnsafeMutableRawPointer

    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        unsafe (page + Self.mutexOffset).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    private init(
        header: Header, identity: FileStatus.Identity, path: String, page: UnsafeMutableRawPointer
    ) {
        self.header = header
        self.identity = identity
        self.path = path
        unsafe self.page = page
    }

    // A robust mutex must never lose its memory while it is held: an environment that is in use keeps its guard for
    // the process's life, and only those that were merely looked at get here.
    deinit {
        unsafe munmap(page, Self.size)
    }

    /// Makes the file under its temporary name; ``publish(in:)`` gives it its own.
    static func create(_ header: Header, in directory: EnvironmentDirectory) throws(EnvironmentError)
        -> WriteGuard
    {
        try directory.remove(temporaryFileName)
        let path = "\(directory.path)/\(temporaryFileName)"
        let file = try directory.open(temporaryFileName, create: true)
        defer { close(file) }
        // A mapping whose block cannot be had is a SIGBUS at first touch; an allocation that fails is an error.
        guard clinux_allocate(file, Int64(size)) == 0 else {
            throw .system(SystemCallError("fallocate", path: path))
        }
        guard let status = FileStatus(descriptor: file) else {
            throw .system(SystemCallError("fstat", path: path))
        }
        let page = try unsafe map(file, path: path)
        let made = unsafe WriteGuard(
            header: header, identity: status.identity, path: "\(directory.path)/\(fileName)", page: page)
        unsafe page.storeBytes(of: formatVersion.littleEndian, toByteOffset: 8, as: UInt32.self)
        unsafe page.storeBytes(
            of: UInt32(MemoryLayout<pthread_mutex_t>.size).littleEndian, toByteOffset: 12, as: UInt32.self)
        let fields: [UInt64] = [
            header.environmentID.0, header.environmentID.1, header.machine.bootID.0, header.machine.bootID.1,
            header.machine.pidNamespace, header.machine.timeNamespace, header.mapSize,
        ]
        for (index, field) in fields.enumerated() {
            unsafe page.storeBytes(of: field.littleEndian, toByteOffset: 16 + index * 8, as: UInt64.self)
        }
        unsafe page.storeBytes(of: header.readerSlots.littleEndian, toByteOffset: 72, as: UInt32.self)
        for (index, inode) in [header.aliveInode, header.lockInode, header.dataInode].enumerated() {
            unsafe page.storeBytes(of: inode.littleEndian, toByteOffset: 80 + index * 8, as: UInt64.self)
        }
        let code = unsafe clinux_mutex_init_robust_shared(made.mutex)
        guard code == 0 else { throw .system(SystemCallError("pthread_mutex_init", path: path, code: code)) }
        unsafe page.storeBytes(of: magic.littleEndian, as: UInt64.self)
        return made
    }

    /// Gives the file its name: from now on the environment counts as made, with `dataInode` as its data.
    func publish(dataInode: UInt64, in directory: EnvironmentDirectory) throws(EnvironmentError) {
        unsafe page.storeBytes(of: dataInode.littleEndian, toByteOffset: 96, as: UInt64.self)
        let old = Self.temporaryFileName
        guard unsafe renameat(directory.descriptor, old, directory.descriptor, Self.fileName) == 0 else {
            throw .system(SystemCallError("rename", path: "\(directory.path)/\(old)"))
        }
    }

    /// Maps the file that others made.
    ///
    /// - Returns: `nil` where there is none.
    /// - Throws: `.otherVersion` and `.damaged`, besides system calls that fail.
    static func open(in directory: EnvironmentDirectory) throws(EnvironmentError) -> WriteGuard? {
        guard directory.status(of: fileName) != nil else { return nil }
        let path = "\(directory.path)/\(fileName)"
        let file = try directory.open(fileName, create: false)
        defer { close(file) }
        guard let status = FileStatus(descriptor: file) else {
            throw .system(SystemCallError("fstat", path: path))
        }
        guard status.size == Int64(size) else {
            throw .damaged(path: path, problem: "has \(status.size) bytes instead of \(size)")
        }
        let page = try unsafe map(file, path: path)
        func word(_ offset: Int) -> UInt64 {
            unsafe UInt64(littleEndian: page.load(fromByteOffset: offset, as: UInt64.self))
        }
        func half(_ offset: Int) -> UInt32 {
            unsafe UInt32(littleEndian: page.load(fromByteOffset: offset, as: UInt32.self))
        }
        func fail(_ error: EnvironmentError) -> EnvironmentError {
            unsafe munmap(page, size)
            return error
        }
        guard word(0) == magic else { throw fail(.damaged(path: path, problem: "is not a guard file")) }
        guard half(8) == formatVersion else {
            throw fail(.otherVersion(path: directory.path, found: half(8), supported: formatVersion))
        }
        guard unsafe half(12) == UInt32(MemoryLayout<pthread_mutex_t>.size) else {
            throw fail(.damaged(path: path, problem: "was made by a program with another C library"))
        }
        let machine = MachineIdentity(
            bootID: (word(32), word(40)), pidNamespace: word(48), timeNamespace: word(56))
        let header = Header(
            environmentID: (word(16), word(24)), machine: machine, mapSize: word(64), readerSlots: half(72),
            aliveInode: word(80), lockInode: word(88), dataInode: word(96))
        return unsafe WriteGuard(header: header, identity: status.identity, path: path, page: page)
    }

    /// Takes the mutex, which ``unlock()`` gives back.
    ///
    /// An owner that died inside is no error: its transaction never happened, and LMDB recovers its own lock.
    ///
    /// - Throws: `.timedOut` at `deadline`, `.nestedWrite`, `.writeLockNotRecoverable`.
    func lock(until deadline: MonotonicInstant) throws(EnvironmentError) {
        var time = deadline.timespec
        let code = unsafe clinux_mutex_lock_until(mutex, &time)
        switch code {
        case 0: return
        case EOWNERDEAD:
            guard unsafe pthread_mutex_consistent(mutex) == 0 else {
                unsafe pthread_mutex_unlock(mutex)
                throw .writeLockNotRecoverable(path: path)
            }
        case ETIMEDOUT: throw .timedOut(waitingFor: "the write lock of \(path)")
        case EDEADLK: throw .nestedWrite
        default: throw .writeLockNotRecoverable(path: path)
        }
    }

    func unlock() {
        unsafe _ = pthread_mutex_unlock(mutex)
    }

    private static func map(_ file: Int32, path: String) throws(EnvironmentError) -> UnsafeMutableRawPointer {
        guard let page = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            unsafe page != MAP_FAILED
        else { throw .system(SystemCallError("mmap", path: path)) }
        return unsafe page
    }
}
