public import ProcessSupport

/// Why an environment could not be opened or used. Every message says what was wrong and what mends it.
public enum EnvironmentError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The directory's parent does not exist.
    case parentMissing(path: String)
    /// There is nothing at the path, and the caller only looks.
    case notThere(path: String)
    /// The path is a symbolic link or no directory.
    case notADirectory(path: String)
    /// The directory belongs to another user, and not to a group of ours that may write in it.
    case foreignOwner(path: String, owner: UInt32)
    /// Everybody may write in the directory.
    case writableByOthers(path: String, mode: UInt32)
    /// The group may write in the directory, but files made in it would not belong to the group.
    case groupWithoutSetgid(path: String, mode: UInt32)
    /// The directory lies on a network or user-space file system, where shared mappings and locks do not hold.
    case unsuitableFileSystem(path: String, name: String)
    /// A file in the directory is a link, no regular file, or not ours.
    case suspiciousFile(path: String, problem: String)
    /// The table was made by another version of this library.
    case otherVersion(path: String, found: UInt32, supported: UInt32)
    /// Processes of another pid or time namespace, or of another boot, are using the directory.
    case otherNamespace(path: String, difference: String)
    /// A file is damaged while other processes use the directory.
    case damaged(path: String, problem: String)
    /// Another process held the lock until the deadline.
    case timedOut(waitingFor: String)
    /// New work is refused so that what is under way can still be stored.
    case noRoom(path: String, free: Int, reserve: Int)
    /// The write lock is lost for good: its owner died and its successor could not repair it.
    case writeLockNotRecoverable(path: String)
    /// A write was begun on a thread that is inside one.
    case nestedWrite
    /// A system call failed.
    case system(SystemCallError)
    /// liblmdb failed.
    case lmdb(LMDBError)

    /// The problem and its remedy.
    public var description: String {
        switch self {
        case .parentMissing(let path):
            "\(path): the directory above it does not exist; create that first, or name another directory"
        case .notThere(let path):
            "\(path): there is no lease table here; is this the directory the workers use?"
        case .notADirectory(let path):
            "\(path): is a symbolic link or not a directory; name a real directory"
        case .foreignOwner(let path, let owner):
            "\(path): belongs to user \(owner); run as that user, or make the directory mode 2770 with a group that "
                + "this user is in"
        case .writableByOthers(let path, let mode):
            "\(path): mode \(octal(mode)) lets every user write; chmod 0700 it (or 2770 with a group)"
        case .groupWithoutSetgid(let path, let mode):
            "\(path): mode \(octal(mode)) lets the group write, but new files would not belong to the group; "
                + "chmod 2770 it (or 0700)"
        case .unsuitableFileSystem(let path, let name):
            "\(path): lies on \(name), where memory and locks are not shared between processes; use a directory on "
                + "a local file system, best a tmpfs such as /run or /dev/shm"
        case .suspiciousFile(let path, let problem):
            "\(path): \(problem); stop all users of the directory and remove it"
        case .otherVersion(let path, let found, let supported):
            "\(path): holds a table of format \(found), this program uses format \(supported); stop the programs of "
                + "the other version and remove the directory, or name another directory"
        case .otherNamespace(let path, let difference):
            "\(path): is in use by processes of another \(difference); share the pid namespace between the "
                + "containers, or use the sidecar"
        case .damaged(let path, let problem):
            "\(path): \(problem); stop all users of the directory and remove it"
        case .timedOut(let what):
            "timed out waiting for \(what)"
        case .noRoom(let path, let free, let reserve):
            "\(path): has \(free) bytes free, fewer than the \(reserve) kept for results under way; enlarge its file "
                + "system or mapSize, or shorten resultRetention"
        case .writeLockNotRecoverable(let path):
            "\(path): the write lock cannot be recovered; stop all users of the directory and remove it"
        case .nestedWrite:
            "a write transaction was begun inside another on the same thread"
        case .system(let error): error.description
        case .lmdb(let error): error.description
        }
    }
}

private func octal(_ mode: UInt32) -> String {
    let digits = String(mode & 0o7777, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
