import CLinux
import Foundation
import Glibc
import TableTestSupport

/// A table with real results in it that nobody uses, which can be put back as it was: the files are bound to each other
/// by their inodes, so their content is restored in place.
final class Table {
    static let results = 40
    static let names = ["data.mdb", "lock.mdb", "guard"]

    let directory: TemporaryDirectory
    let path: String
    private(set) var content: [String: [UInt8]] = [:]

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("table")
        let filled = try Worker.run(path, prefix: "first", count: Self.results)
        guard filled.isClean, filled.lines == [String](repeating: "first", count: Self.results) else {
            throw Problem("the table could not be filled: \(filled)")
        }
        for name in Self.names { content[name] = try read(name) }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: file(name))))
    }

    /// Makes the content of a file `bytes`, without making it another file.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        let descriptor = clinux_openat(AT_FDCWD, file(name), O_WRONLY | O_TRUNC | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw Problem("\(name) cannot be opened") }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Problem("\(name) cannot be written") }
            written += count
        }
    }

    /// Everything as it was. False where the table was made anew meanwhile, and must be filled again.
    func restore(identities: [String: UInt64]) throws -> Bool {
        guard try self.identities() == identities else { return false }
        for (name, bytes) in content { try write(name, bytes) }
        return true
    }

    func identities() throws -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for name in ["data.mdb", "alive.lock"] {
            var status = stat()
            guard lstat(file(name), &status) == 0 else { continue }
            found[name] = UInt64(status.st_ino)
        }
        return found
    }
}

struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
