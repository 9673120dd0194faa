import CLinux

/// Threads of the library: detached, with every signal blocked, so that a host's handlers never run on them.
public enum LibraryThread {
    /// Stack size in bytes. libcurl with TLS needs less than 100 KiB; what is not touched costs nothing.
    public static let stackSize = 512 * 1024

    /// Runs `body` on a new thread.
    ///
    /// - Throws: ``SystemCallError`` where the system has no thread to give (`EAGAIN`); `body` is then not run.
    public static func start(_ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
        let box = unsafe Unmanaged.passRetained(Body(run: body))
        let code = unsafe clinux_spawn_detached(
            stackSize,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, box.toOpaque())
        if code != 0 {
            unsafe box.release()
            throw SystemCallError("pthread_create", code: code)
        }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }
}
