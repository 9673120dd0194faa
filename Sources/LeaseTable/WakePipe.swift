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
final class WakePipe: Sendable {
    /// What is written to wake. More than one byte wakes every sleeper at once, and no reader takes any of it away
    /// beyond its one probing byte.
    private static let wakeLength = 4096

    let name: WakePipeName
    private let directory: PipeDirectory
    private let descriptor: Int32

    init(in directory: PipeDirectory, holder: Holder) throws(SystemCallError) {
        var random = SystemRandomNumberGenerator()
        name = WakePipeName(holder: holder, number: random.next())
        self.directory = directory
        let fileName = name.fileName
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
        clinux_close_fork_private(descriptor)
        unsafe _ = unlinkat(directory.descriptor, name.fileName, 0)
    }

    /// Wakes everyone who waits. To be called after the commit that they are to see; the pipe is closed when its
    /// last reference goes, right after.
    func wake() {
        Self.writeWakeBytes(to: descriptor)
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
        unsafe withUnsafeTemporaryAllocation(byteCount: wakeLength, alignment: 1) { buffer in
            unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
            // A pipe that is full already has woken everybody.
            unsafe _ = write(descriptor, buffer.baseAddress, wakeLength)
        }
    }
}
