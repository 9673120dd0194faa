import FoundationEssentials
import Glibc
import ProcessSupport

/// The directory of the lease table: the one that was named, or a new one that is removed at the end.
package struct StormDirectory {
    /// Its path.
    package let path: String
    private let isOurs: Bool

    /// Takes the one that is named, or makes one.
    package init(named: String?) throws {
        if let named {
            path = named
            isOurs = false
            return
        }
        let base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        guard let template = strdup("\(base)/refresh-storm-XXXXXX") else { throw SystemCallError("strdup") }
        defer { free(template) }
        guard mkdtemp(template) != nil else { throw SystemCallError("mkdtemp", path: base) }
        path = String(cString: template)
        isOurs = true
    }

    /// Removes it, if it was made here.
    package func remove() {
        if isOurs { try? FileManager.default.removeItem(atPath: path) }
    }
}
