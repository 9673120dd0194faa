import CLinux
import Glibc
import ProcessSupport

/// A file held by flock(2) on a descriptor of its own, which a forked child closes: a child that knows nothing of
/// the library would otherwise hold the lock for as long as it lives.
struct FileLock {
    let descriptor: Int32

    /// Takes `name` exclusively, trying again until `deadline`: a process stopped while it holds the lock must
    /// not hold anybody past their time, and flock(2) itself has no timeout.
    ///
    /// A file that is removed while we wait for it is no lock any more: then the new one is taken.
    static func exclusive(
        _ name: String, in directory: EnvironmentDirectory, create: Bool, until deadline: MonotonicInstant
    ) throws(EnvironmentError) -> FileLock {
        var interval = Duration.microseconds(200)
        while true {
            let file = try directory.open(name, create: create, forkPrivate: true)
            if clinux_flock(file, LOCK_EX | LOCK_NB) == 0 {
                if let now = directory.status(of: name),
                    now.identity == FileStatus(descriptor: file)?.identity
                {
                    return FileLock(descriptor: file)
                }
            } else if errno != EWOULDBLOCK && errno != EINTR {
                let error = SystemCallError("flock", path: "\(directory.path)/\(name)")
                clinux_close_fork_private(file)
                throw .system(error)
            }
            clinux_close_fork_private(file)
            guard MonotonicInstant.now() < deadline else {
                throw .timedOut(waitingFor: "\(directory.path)/\(name)")
            }
            pause(for: interval)
            interval = min(interval * 2, .milliseconds(5))
        }
    }

    /// Gives the lock back, at once: a child between vfork(2) and exec still has the descriptor.
    func release() {
        _ = clinux_flock(descriptor, LOCK_UN)
        clinux_close_fork_private(descriptor)
    }
}
