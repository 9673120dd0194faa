import Glibc

/// Who a process is, so that a recycled pid is never taken for it.
public struct ProcessIdentity: Hashable, Sendable {
    /// The process id, in the pid namespace of this process.
    public var pid: Int32
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat`, see proc(5).
    public var startTime: UInt64

    /// Makes an identity from its parts.
    public init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// This process. Read once per process, and anew after a fork.
    public static func current() -> ProcessIdentity {
        ForkLocal<Holder>(.identity)
            .value { Holder(identity: ProcessIdentity(readingPID: getpid())) }
            .identity
    }

    /// Whether the process exists and is no zombie. A process that is just dying may still be reported alive.
    public var isAlive: Bool {
        guard let fields = Self.statFields(of: pid) else {
            // Other users' processes may be hidden (hidepid in proc(5)); kill(2) knows of them all the same.
            return kill(pid, 0) == 0 || errno == EPERM
        }
        return fields.startTime == startTime && fields.state != "Z" && fields.state != "X"
    }

    private init(readingPID pid: Int32) {
        self.init(pid: pid, startTime: Self.statFields(of: pid)?.startTime ?? 0)
    }

    private static func statFields(of pid: Int32) -> (state: Character, startTime: UInt64)? {
        guard let bytes = try? readSmallFile("/proc/\(pid)/stat", limit: 2048) else { return nil }
        // The command's name stands in parentheses and may itself contain some: fields are counted from the last.
        guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, let state = fields[0].first,
            let startTime = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        return (Character(UnicodeScalar(state)), startTime)
    }

    private final class Holder: Sendable {
        let identity: ProcessIdentity

        init(identity: ProcessIdentity) {
            self.identity = identity
        }
    }
}
