import CLinux
import Glibc
import ProcessSupport

/// The directory `pipes` beside the table, held open.
final class PipeDirectory: Sendable {
    static let name = "pipes"

    let descriptor: Int32
    let fileMode: mode_t
    private let path: String

    var isGroupShared: Bool { fileMode & 0o060 != 0 }

    /// Opens it in the directory of an environment, making it where it is missing and `create` says so.
    init(in parent: Int32, parentPath: String, fileMode: UInt32, create: Bool) throws(SystemCallError) {
        path = "\(parentPath)/\(Self.name)"
        self.fileMode = fileMode
        if create, unsafe mkdirat(parent, Self.name, 0o700) != 0, errno != EEXIST {
            throw SystemCallError("mkdir", path: path)
        }
        descriptor = unsafe clinux_openat(parent, Self.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SystemCallError("open", path: path) }
        // Group and set-group-id bit are inherited from the directory above; the umask is not to narrow the mode.
        // Only the maker may; for everybody else it is done.
        if create && fileMode & 0o060 != 0 { fchmod(descriptor, 0o2770) }
    }

    deinit {
        close(descriptor)
    }

    func path(of name: WakePipeName) -> String { "\(path)/\(name)" }

    /// Whether the directory still has a name: one that was removed takes no pipes.
    var isLinked: Bool {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_nlink > 0
    }

    /// Removes the pipe of a lease that was passed. That it is gone is no error.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    func remove(_ pipe: WakePipeName) -> Bool {
        unsafe pipe.number != 0 && unlinkat(descriptor, pipe.fileName, 0) == 0
    }

    static func isPipe(_ descriptor: Int32) -> Bool {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// Removes pipes that nobody holds open for writing and that are older than `age`; what is no pipe of ours stays.
    ///
    /// - Returns: How many.
    func removeOrphans(olderThan age: Duration) -> Int {
        let copy = unsafe clinux_openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard copy >= 0 else { return 0 }
        guard let stream = unsafe fdopendir(copy) else {
            close(copy)
            return 0
        }
        defer { unsafe _ = closedir(stream) }
        var removed = 0
        while let entry = unsafe readdir(stream) {
            let fileName = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if WakePipeName(fileName: fileName) != nil, isOrphan(fileName, olderThan: age),
                unsafe unlinkat(descriptor, fileName, 0) == 0
            {
                removed += 1
            }
        }
        return removed
    }

    private func isOrphan(_ fileName: String, olderThan age: Duration) -> Bool {
        var status = stat()
        guard unsafe fstatat(descriptor, fileName, &status, AT_SYMLINK_NOFOLLOW) == 0,
            status.st_mode & S_IFMT == S_IFIFO
        else { return false }
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        guard now.tv_sec - status.st_mtim.tv_sec > Int(age.components.seconds) else { return false }
        // Opening for writing succeeds only while somebody reads, for reading always: what tells is the probe.
        guard let end = WaitingEnd(descriptor: descriptor, name: fileName) else { return false }
        return end.probe() == .hungUp
    }
}
