import CLinux
import Glibc
import ProcessSupport

/// A holder's end of its named pipe: open for as long as it holds the lease.
///
/// Opened for reading and writing, so that opening does not wait for a reader and writing without one raises no
/// SIGPIPE. Closed on exec, and in a forked child before the child runs anything else. The kernel closes it when the
/// holder dies, and every waiter wakes.
///
/// A pipe whose name was once committed is never used for another lease: a waiter that was woken by the close and
/// looked only after the reopening would sleep on. One whose claim lost the race was never named, so that nobody can
/// have opened it: that one may serve the next try.
///
/// Its name goes with it, unless a lease that names it was let go without an outcome: then the name stays, so that who
/// comes later finds a pipe without a writer, and takes over at once. The successor removes it.
final class WakePipe: @unchecked Sendable {
    /// What is written to wake. More than one byte wakes every sleeper at once, and no reader takes any of it away
    /// beyond its one probing byte.
    private static let wakeBytes = [UInt8](repeating: 0, count: 4096)

    let name: WakePipeName
    // As system calls take it.
    private let fileName: [CChar]
    private let directory: PipeDirectory
    private let descriptor: Int32
    private let madeIn = forkGeneration()
    private let mutex = TimedMutex()
    /// Guarded by `mutex`: whether a record names it whose lease has not ended.
    private var isNamed = false

    init(in directory: PipeDirectory, holder: Holder) throws(SystemCallError) {
        var random = SystemRandomNumberGenerator()
        name = WakePipeName(holder: holder, number: random.next())
        self.directory = directory
        fileName = [CChar](name.fileName.utf8CString)
        guard unsafe clinux_mkfifoat(directory.descriptor, fileName, directory.fileMode) == 0 else {
            throw SystemCallError("mkfifo", path: directory.path(of: name))
        }
        descriptor = unsafe clinux_open_fork_private(
            directory.descriptor, fileName, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            let error = SystemCallError("open", path: directory.path(of: name))
            unsafe _ = unlinkat(directory.descriptor, fileName, 0)
            throw error
        }
        // mkfifo(3) subtracts the umask.
        if directory.isGroupShared { fchmod(descriptor, directory.fileMode) }
    }

    deinit {
        // In a forked child the descriptor was closed at the fork, and may be somebody else's by now; the name is the
        // parent's.
        guard forkGeneration() == madeIn else { return }
        clinux_close_fork_private(descriptor)
        if !isNamed { unsafe _ = unlinkat(directory.descriptor, fileName, 0) }
    }

    /// To be called when a claim that names it was committed.
    func noteNamed() {
        mutex.withLock { isNamed = true }
    }

    /// Wakes everyone who waits. To be called after the commit that they are to see; the pipe is closed when its
    /// last reference goes, right after.
    func wake() {
        Self.writeWakeBytes(to: descriptor)
        mutex.withLock { isNamed = false }
    }

    /// Wakes those who wait on somebody else's pipe. That it is gone, or no pipe, is no error.
    static func wake(_ name: WakePipeName, in directory: PipeDirectory) {
        let other = unsafe clinux_openat(
            directory.descriptor, name.fileName, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0)
        guard other >= 0 else { return }
        if PipeDirectory.isPipe(other) { writeWakeBytes(to: other) }
        close(other)
    }

    private static func writeWakeBytes(to descriptor: Int32) {
        // A pipe that is full already has woken everybody.
        unsafe _ = write(descriptor, wakeBytes, wakeBytes.count)
    }
}
