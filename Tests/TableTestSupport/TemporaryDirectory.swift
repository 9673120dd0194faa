import CLinux
import Foundation
import Glibc

/// A directory of mode 0700 on a tmpfs that goes with the value.
public final class TemporaryDirectory: Sendable {
    /// Its path.
    public let path: String

    /// Makes it.
    public init() throws {
        path = "/dev/shm/refreshd-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of what is in it.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Everything below it: names with inode and size, in order. A file that was touched but is the same is the same.
    public func listing() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: file(name))
            return "\(name) \(attributes[.systemFileNumber] ?? 0) \(attributes[.size] ?? 0)"
        }.sorted()
    }

    /// Holds flock(2) on a file, exclusively, until the answer is closed.
    public func lock(_ name: String) -> Int32 {
        let descriptor = clinux_openat(AT_FDCWD, file(name), O_RDWR | O_CLOEXEC, 0)
        return clinux_flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? descriptor : -1
    }
}
