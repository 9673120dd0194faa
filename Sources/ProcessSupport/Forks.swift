import CLinux

/// When the host may fork.
///
/// The Swift runtime makes types, conformances and lazy values at their first use, under locks of its own. A fork(2) in
/// another thread at that moment would leave the child with a lock that nobody gives back, and its first refresh would
/// hang in it. So no fork happens while a thread of the library, or a caller inside it, is between two waits: it waits
/// for them, well below a millisecond unless the machine is overloaded. Every wait of the library lets forks on.
///
/// Not for vfork(2), posix_spawn(3) and clone(2), which run no handlers: their children are to run exec, and no Swift.
public enum Forks {
    /// Runs `body` without a fork in between, but for its waits. May be nested.
    @inlinable
    @inline(__always)
    public static func heldOff<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        holdOff()
        defer { letGo() }
        return try body()
    }

    @usableFromInline
    static func holdOff() {
        clinux_fork_hold_off()
    }

    @usableFromInline
    static func letGo() {
        clinux_fork_let_on()
    }

    /// Runs `body`, which may wait for what it likes, also for a thread that forks: code that is not the library's.
    @inline(__always)
    public static func letOn<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let lifted = clinux_fork_lift()
        defer { clinux_fork_resume(lifted) }
        return try body()
    }
}
