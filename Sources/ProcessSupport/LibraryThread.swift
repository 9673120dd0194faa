import CLinux

/// Threads of the library: detached, with every signal blocked, so that a host's handlers never run on them.
public enum LibraryThread {
    /// Stack size in bytes. libcurl with TLS needs less than 100 KiB; what is not touched costs nothing.
    public static let stackSize = 512 * 1024

    /// Runs `body` on a new thread.
    ///
    /// - Parameter holdingOffForks: Whether forks are held off between its waits; see ``Forks``. Then it waits in no other
    ///   way than the library's own.
    /// - Throws: ``SystemCallError`` where the system has no thread to give (`EAGAIN`); `body` is then not run.
    public static func start(
        holdingOffForks: Bool = false, _ body: @escaping @Sendable () -> Void
    ) throws(SystemCallError) {
        let box = unsafe Unmanaged.passRetained(Body(holdsOffForks: holdingOffForks, run: body))
        let code = unsafe clinux_spawn_detached(
            stackSize,
            { argument in
                // From its first step on, whatever it is for.
                clinux_fork_hold_off()
                if let argument = unsafe argument {
                    let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                    if body.holdsOffForks { body.run() } else { Forks.letOn { body.run() } }
                }
                clinux_fork_let_on()
                return nil
            }, box.toOpaque())
        if code != 0 {
            unsafe box.release()
            throw SystemCallError("pthread_create", code: code)
        }
    }

    private final class Body: Sendable {
        let holdsOffForks: Bool
        let run: @Sendable () -> Void

        init(holdsOffForks: Bool, run: @escaping @Sendable () -> Void) {
            self.holdsOffForks = holdsOffForks
            self.run = run
        }
    }
}
