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
/// One page: the header as in ``GuardHeader``, and at 128 the mutex.
///
/// The inodes say which files belong together. While somebody removes the directory file by file, what is left
/// and what a newcomer makes must never be mixed: data used under two lock files has two writers.
@safe final class WriteGuard: @unchecked Sendable {
    static let fileName = "guard"
    static let temporaryFileName = "guard.new"
    static let size = 4096
    private static let mutexOffset = 128

    let header: GuardHeader
    let identity: FileStatus.Identity
    private let path: String
    private let page: UnsafeMutableRawPointer

    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        unsafe (page + Self.mutexOffset).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    private init(
        header: GuardHeader, identity: FileStatus.Identity, path: String, page: UnsafeMutableRawPointer
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
    static func create(_ header: GuardHeader, in directory: EnvironmentDirectory) throws(EnvironmentError)
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
        unsafe page.copyMemory(from: header.encode(isComplete: false), byteCount: GuardHeader.length)
        let code = unsafe clinux_mutex_init_robust_shared(made.mutex)
        guard code == 0 else { throw .system(SystemCallError("pthread_mutex_init", path: path, code: code)) }
        unsafe page.copyMemory(from: header.encoded, byteCount: GuardHeader.length)
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
        let header: GuardHeader
        do throws(GuardHeader.Problem) {
            header = try unsafe GuardHeader(decoding: UnsafeRawBufferPointer(start: page, count: size))
        } catch {
            unsafe munmap(page, size)
            throw Self.error(error, path: path, in: directory)
        }
        return unsafe WriteGuard(header: header, identity: status.identity, path: path, page: page)
    }

    private static func error(
        _ problem: GuardHeader.Problem, path: String, in directory: EnvironmentDirectory
    ) -> EnvironmentError {
        switch problem {
        case .notAGuardFile: .damaged(path: path, problem: "is not a guard file")
        case .otherVersion(let found):
            .otherVersion(path: directory.path, found: found, supported: GuardHeader.formatVersion)
        case .otherCLibrary: .damaged(path: path, problem: "was made by a program with another C library")
        case .impossibleSize: .damaged(path: path, problem: "names a map size or a number of readers that cannot be")
        }
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
