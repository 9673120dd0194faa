/// The process that has, or had, a lease. A plain value: thread- and fork-safe.
public struct Holder: Hashable, Sendable {
    /// Its process id, from 1.
    public let pid: Int32
    /// When it started, in clock ticks since boot (field 22 of `/proc/pid/stat`, proc(5)): with the pid, a
    /// process is named for good.
    public let startTime: UInt64
    /// Its effective user id.
    public let uid: UInt32

    /// Names a process.
    public init(pid: Int32, startTime: UInt64, uid: UInt32) {
        self.pid = pid
        self.startTime = startTime
        self.uid = uid
    }
}
