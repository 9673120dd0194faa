import CLinux
import Glibc
import LMDB
import ProcessSupport

extension Session {
    /// Kills processes at random points of their first opening; each time another one must be able to open.
    /// Answers how many were killed before they had opened, and how many times opening failed afterwards.
    func killOpenings(rounds: Int, path: String) -> String {
        var before = 0
        var failures = 0
        for _ in 0..<rounds {
            removeTree(path)
            var fresh = self
            fresh.options.path = path
            let victim = child { fresh.openAndAdd(1) == 0 ? 0 : 1 }
            let end = MonotonicInstant.now().advanced(by: .microseconds(Int.random(in: 0...1500)))
            while MonotonicInstant.now() < end {}
            kill(victim, SIGKILL)
            if outcome(of: victim) != 0 { before += 1 }
            if outcome(of: child { fresh.openAndAdd(1) }) != 0 { failures += 1 }
        }
        return "\(before) \(failures)"
    }
}

/// Removes a directory and the files in it.
func removeTree(_ path: String) {
    for name in fileNames(path) { unlink("\(path)/\(name)") }
    rmdir(path)
}

/// The files of a directory.
func fileNames(_ path: String) -> [String] {
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
