import CLinux
import Glibc
import ProcessSupport

/// The directory that an environment lives in, checked and held open.
///
/// Everything in it is reached through the descriptor, without following links. Modes: 0700 and files of 0600, or
/// group-shared (2770) and files of 0660.
struct EnvironmentDirectory {
    let path: String
    let descriptor: Int32
    let isGroupShared: Bool

    var fileMode: mode_t { isGroupShared ? 0o660 : 0o600 }

    /// Opens the directory, making it (0700) for a participant where only its last component is missing.
    init(options: EnvironmentOptions) throws(EnvironmentError) {
        path = options.path
        var wasMade = false
        if options.role == .participant {
            wasMade = unsafe mkdir(path, 0o700) == 0
            if !wasMade && errno != EEXIST {
                let error = SystemCallError("mkdir", path: path)
                throw error.code == ENOENT ? .parentMissing(path: path) : .system(error)
            }
        }
        let opened = unsafe clinux_openat(
            AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
        guard opened >= 0 else {
            let error = SystemCallError("open", path: path)
            switch error.code {
            case ENOTDIR, ELOOP: throw .notADirectory(path: path)
            case ENOENT: throw .notThere(path: path)
            default: throw .system(error)
            }
        }
        descriptor = opened
        do throws(EnvironmentError) {
            isGroupShared = try Self.check(descriptor: opened, options: options)
        } catch {
            Glibc.close(opened)
            if wasMade { unsafe _ = rmdir(path) }
            throw error
        }
    }

    func close() {
        Glibc.close(descriptor)
    }

    /// Opens a regular file in the directory; with `create`, makes it with the directory's file mode whatever the
    /// umask is.
    ///
    /// - Parameter forkPrivate: Whether a forked child closes it; it is then closed with
    ///   `clinux_close_fork_private`.
    func open(_ name: String, create: Bool, forkPrivate: Bool = false) throws(EnvironmentError) -> Int32 {
        let flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        func openExisting() -> Int32 {
            unsafe forkPrivate
                ? clinux_open_fork_private(descriptor, name, flags)
                : clinux_openat(descriptor, name, flags, 0)
        }
        var file = openExisting()
        if file < 0 && errno == ENOENT && create {
            if unsafe clinux_create_file(descriptor, name, fileMode) == 0 || errno == EEXIST {
                file = openExisting()
            }
        }
        guard file >= 0 else {
            let error = SystemCallError("open", path: "\(path)/\(name)")
            switch error.code {
            case ELOOP: throw .suspiciousFile(path: error.path, problem: "is a symbolic link")
            case ENXIO, EISDIR: throw .suspiciousFile(path: error.path, problem: "is not a regular file")
            case ENOENT: throw .notThere(path: path)
            default: throw .system(error)
            }
        }
        var status = stat()
        if unsafe fstat(file, &status) != 0 || status.st_mode & S_IFMT != S_IFREG {
            if forkPrivate { clinux_close_fork_private(file) } else { Glibc.close(file) }
            throw .suspiciousFile(path: "\(path)/\(name)", problem: "is not a regular file")
        }
        return file
    }

    /// What is at `name` now, or `nil` where nothing is. Links are not followed.
    func status(of name: String) -> FileStatus? {
        var status = stat()
        guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return FileStatus(status)
    }

    func remove(_ name: String) throws(EnvironmentError) {
        if unsafe unlinkat(descriptor, name, 0) != 0 && errno != ENOENT {
            throw .system(SystemCallError("unlink", path: "\(path)/\(name)"))
        }
    }

    /// Whether the path still leads to this directory.
    var isCurrent: Bool {
        var now = stat()
        var held = stat()
        guard unsafe lstat(path, &now) == 0, unsafe fstat(descriptor, &held) == 0 else { return false }
        return FileStatus(now).identity == FileStatus(held).identity
    }

    private static func check(descriptor: Int32, options: EnvironmentOptions) throws(EnvironmentError) -> Bool {
        let path = options.path
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system(SystemCallError("fstat", path: path))
        }
        let mode = UInt32(status.st_mode) & 0o7777
        if mode & 0o002 != 0 { throw .writableByOthers(path: path, mode: mode) }
        let isGroupShared = mode & 0o020 != 0
        if isGroupShared && mode & 0o2000 == 0 { throw .groupWithoutSetgid(path: path, mode: mode) }
        // Root may look at anybody's table; writing there would leave files that their owner cannot open.
        let mayUse =
            status.st_uid == geteuid() || isGroupShared && isMember(of: status.st_gid)
            || options.role == .inspector && geteuid() == 0
        if !mayUse {
            throw .foreignOwner(path: path, owner: status.st_uid)
        }
        if let name = FileSystemKind.unsuitableName(ofType: clinux_filesystem_type(descriptor)) {
            throw .unsuitableFileSystem(path: path, name: name)
        }
        return isGroupShared
    }

    private static func isMember(of group: gid_t) -> Bool {
        if getegid() == group || geteuid() == 0 { return true }
        var groups = [gid_t](repeating: 0, count: 65_536)
        let count = unsafe getgroups(Int32(groups.count), &groups)
        return count > 0 && groups[..<Int(count)].contains(group)
    }
}

/// What stat(2) says of a file, as far as it matters here.
struct FileStatus {
    struct Identity: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
    }

    var identity: Identity
    var size: Int64
    var isRegular: Bool

    init(_ status: stat) {
        identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        size = Int64(status.st_size)
        isRegular = status.st_mode & S_IFMT == S_IFREG
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }
}
