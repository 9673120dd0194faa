import CLinux
import Glibc
import LMDB
import LeaseTable
import ProcessSupport

/// The file `counters` beside the table, mapped: of one size for ever, with its blocks allocated when it was made, so
/// that no access can meet a missing one, and checked before it is used.
///
/// A file that is cut short under its users ends them by SIGBUS, as the table's own files do: who can do that can write
/// in the directory. Thread-safe. Closed with its last reference.
@safe final class CounterFile: @unchecked Sendable {
    static let name = "counters"
    private static let newName = "counters.new"
    /// Of the file system's room, how many times the file's size must be free for it to be made: results come first.
    private static let thrift = 12

    /// All of it.
    let words: SharedWords
    let path: String
    private let base: UnsafeMutableRawPointer

    private init(path: String, base: UnsafeMutableRawPointer) {
        self.path = path
        unsafe self.base = base
        words = unsafe SharedWords(
            base: base.assumingMemoryBound(to: UInt64.self), count: CounterLayout.wordCount)
    }

    deinit {
        unsafe munmap(base, CounterLayout.byteCount)
    }

    /// Who has which slot.
    var owners: SharedWords { words.part(from: CounterLayout.ownersStart, count: CounterLayout.slotCount) }

    /// One slot, whole.
    func slot(_ index: Int) -> SharedWords {
        words.part(
            from: CounterLayout.slotsStart + index * CounterLayout.slotLength, count: CounterLayout.slotLength)
    }

    /// The waiting callers of one slot.
    func entries(_ index: Int) -> WaitingEntries { WaitingEntries(slot: slot(index)) }

    /// Maps the file of a table's directory.
    ///
    /// - Parameter writable: Whether to count in it, or only to look.
    static func open(of table: LeaseTable, writable: Bool) throws(CounterFileError) -> CounterFile {
        let (directory, path) = (table.environment.directoryDescriptor, path(of: table))
        let access = writable ? O_RDWR : O_RDONLY
        let file = unsafe clinux_openat(directory, name, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
        guard file >= 0 else {
            let error = SystemCallError("open", path: path)
            throw error.code == ENOENT ? .notThere(path: path) : .system(error)
        }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw .system(SystemCallError("fstat", path: path)) }
        // Never replaced: it is somebody else's.
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .system(SystemCallError("open", path: path, code: EINVAL))
        }
        guard status.st_size == CounterLayout.byteCount else {
            throw .unusable(path: path, problem: "has \(status.st_size) bytes instead of \(CounterLayout.byteCount)")
        }
        let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
        guard let base = unsafe mmap(nil, CounterLayout.byteCount, protection, MAP_SHARED, file, 0),
            unsafe base != MAP_FAILED
        else { throw .system(SystemCallError("mmap", path: path)) }
        let opened = unsafe CounterFile(path: path, base: base)
        try opened.check(for: table.environmentID)
        return opened
    }

    private func check(for environment: EnvironmentID) throws(CounterFileError) {
        guard words.load(CounterLayout.magicWord) == CounterLayout.magic else {
            throw .unusable(path: path, problem: "is not a file of counters")
        }
        let expected = Self.words(of: environment)
        guard words.load(CounterLayout.environmentWord) == expected.0,
            words.load(CounterLayout.environmentWord + 1) == expected.1
        else { throw .unusable(path: path, problem: "belongs to a table that is gone") }
        let version = words.load(CounterLayout.versionWord)
        guard version == CounterLayout.version else { throw .otherVersion(path: path, found: version) }
        guard words.load(CounterLayout.sizeWord) == UInt64(CounterLayout.byteCount) else {
            throw .unusable(path: path, problem: "names another size")
        }
    }

    /// Makes the file, in place of one that is of no use any more. Under the table's write lock: it appears whole, under
    /// its name, or not at all.
    static func make(for table: LeaseTable) throws(CounterFileError) {
        let (directory, path) = (table.environment.directoryDescriptor, path(of: table))
        guard isAffordable(free: clinux_free_bytes(directory)) else { throw .noRoom(path: path) }
        unsafe _ = unlinkat(directory, newName, 0)
        guard unsafe clinux_create_file(directory, newName, mode_t(table.environment.fileMode)) == 0 else {
            throw .system(SystemCallError("open", path: path))
        }
        let file = unsafe clinux_openat(directory, newName, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0)
        guard file >= 0 else { throw .system(SystemCallError("open", path: path)) }
        defer { close(file) }
        var header = [UInt64](repeating: 0, count: CounterLayout.foldingWord + 1)
        header[CounterLayout.magicWord] = CounterLayout.magic
        header[CounterLayout.versionWord] = CounterLayout.version
        (header[CounterLayout.environmentWord], header[CounterLayout.environmentWord + 1]) = words(
            of: table.environmentID)
        header[CounterLayout.sizeWord] = UInt64(CounterLayout.byteCount)
        let length = header.count * 8
        let isWritten = unsafe header.withUnsafeBytes { unsafe pwrite(file, $0.baseAddress, length, 0) } == length
        guard clinux_allocate(file, Int64(CounterLayout.byteCount)) == 0, isWritten,
            unsafe renameat(directory, newName, directory, name) == 0
        else {
            let error = SystemCallError("fallocate", path: path)
            unsafe _ = unlinkat(directory, newName, 0)
            throw .system(error)
        }
    }

    /// Whether a file system has room to spare; one that does not say (-1) is taken to have.
    static func isAffordable(free: Int64) -> Bool { free < 0 || free >= Int64(CounterLayout.byteCount * thrift) }

    private static func path(of table: LeaseTable) -> String { "\(table.directory.path)/\(name)" }

    private static func words(of environment: EnvironmentID) -> (UInt64, UInt64) {
        let bytes = environment.bytes
        func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        return (word(bytes[..<8]), word(bytes[8...]))
    }
}
