import Glibc
import ProcessSupport

/// What must be equal between processes that share an environment: the boot, and the namespaces by which the
/// kernel tells threads and clocks apart.
struct MachineIdentity: Hashable, Sendable {
    var bootID: (UInt64, UInt64)
    var pidNamespace: UInt64
    var timeNamespace: UInt64

    /// This process's. A kernel without time namespaces counts as namespace 0.
    static func current() throws(EnvironmentError) -> MachineIdentity {
        let path = "/proc/sys/kernel/random/boot_id"
        let text: [UInt8]
        do {
            text = try readSmallFile(path, limit: 64)
        } catch {
            throw .system(error)
        }
        let digits = String(decoding: text.filter { $0 != UInt8(ascii: "-") }.prefix(32), as: UTF8.self)
        guard digits.utf8.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
            let low = UInt64(digits.suffix(16), radix: 16)
        else { throw .damaged(path: path, problem: "is not a boot id") }
        return MachineIdentity(
            bootID: (high, low), pidNamespace: namespace("pid"), timeNamespace: namespace("time"))
    }

    /// In words, what keeps two processes apart; `nil` where they may share.
    func difference(from other: MachineIdentity) -> String? {
        if bootID != other.bootID { return "boot" }
        if pidNamespace != other.pidNamespace { return "pid namespace" }
        if timeNamespace != other.timeNamespace { return "time namespace" }
        return nil
    }

    static func == (left: MachineIdentity, right: MachineIdentity) -> Bool {
        left.difference(from: right) == nil
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(bootID.0)
        hasher.combine(bootID.1)
    }

    private static func namespace(_ kind: String) -> UInt64 {
        var status = stat()
        return unsafe stat("/proc/self/ns/\(kind)", &status) == 0 ? UInt64(status.st_ino) : 0
    }
}
