import CLinux
import Glibc
import Testing

/// All tests of this target run one after the other: several measure times on few cores.
@Suite(.serialized) enum LMDBTests {}

/// A directory of its own for a test, removed with all that is in it.
final class Scratch {
    let root: String
    /// Where the environment is to be; not there at first.
    let path: String

    init(in parent: String = "/dev/shm") {
        var template = Array("\(parent)/lmdb-tests-XXXXXX".utf8CString)
        mkdtemp(&template)
        root = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        path = "\(root)/table"
    }

    deinit {
        for name in files(in: path) {
            unlink("\(path)/\(name)")
            rmdir("\(path)/\(name)")
        }
        for name in files(in: root) {
            unlink("\(root)/\(name)")
            rmdir("\(root)/\(name)")
        }
        rmdir(root)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Names, sizes, modes, inodes and times of what is in the directory.
    func listing() -> [String] {
        files(in: path).sorted().map { name in
            var status = stat()
            lstat(file(name), &status)
            return "\(name) \(status.st_size) \(status.st_mode) \(status.st_ino) \(status.st_mtim.tv_nsec)"
        }
    }

    /// Overwrites bytes of a file.
    func patch(_ name: String, at offset: Int, with bytes: [UInt8]) {
        let descriptor = clinux_openat(AT_FDCWD, file(name), O_WRONLY | O_CLOEXEC, 0)
        defer { close(descriptor) }
        _ = pwrite(descriptor, bytes, bytes.count, off_t(offset))
    }

    func make(_ name: String, _ bytes: [UInt8] = []) {
        let descriptor = clinux_openat(AT_FDCWD, file(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        _ = write(descriptor, bytes, bytes.count)
    }

    func mode(_ name: String) -> UInt32 {
        var status = stat()
        lstat(file(name), &status)
        return status.st_mode & 0o7777
    }
}

/// The names in a directory.
func files(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}
