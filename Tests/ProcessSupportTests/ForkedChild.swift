import CLinux
import Glibc

/// As fork(2). The child of a process with threads may find a lock taken for ever: it is ended after a while, so that the
/// test fails instead of hanging.
func forkWithLimit() -> pid_t {
    let pid = clinux_fork()
    if pid == 0 { alarm(20) }
    return pid
}

/// What a child exited with, once it has; -1 where a signal ended it.
func exitStatus(of pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -1
}
