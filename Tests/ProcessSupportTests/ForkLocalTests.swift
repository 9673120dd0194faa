import CLinux
import Glibc
import ProcessSupport
import Testing

@Suite(.serialized) struct ForkLocalTests {
    private final class Box {
        let pid = getpid()
    }

    @Test func aChildHasAValueOfItsOwn() {
        let local = ForkLocal<Box>(.tests)
        let mine = local.value(Box.init)
        #expect(local.value(Box.init) === mine)
        let generation = forkGeneration()
        let child = forkWithLimit()
        if child == 0 {
            let theirs = local.value(Box.init)
            _exit(theirs !== mine && theirs.pid == getpid() && forkGeneration() == generation + 1 ? 0 : 1)
        }
        #expect(exitStatus(of: child) == 0)
        #expect(local.value(Box.init) === mine)
        #expect(forkGeneration() == generation)
    }

    @Test func privateDescriptorsAreClosedInTheChildAndOnExec() {
        let descriptor = clinux_open_fork_private(AT_FDCWD, "/dev/null", O_RDONLY)
        let shared = clinux_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0)
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        let child = forkWithLimit()
        if child == 0 { _exit(fcntl(descriptor, F_GETFD) == -1 && fcntl(shared, F_GETFD) != -1 ? 0 : 1) }
        #expect(exitStatus(of: child) == 0)
        #expect(fcntl(descriptor, F_GETFD) != -1)
        #expect(clinux_close_fork_private(descriptor) == 0)
        // Its number may be somebody else's now: the child leaves it alone.
        let reused = clinux_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0)
        let second = forkWithLimit()
        if second == 0 { _exit(fcntl(reused, F_GETFD) != -1 ? 0 : 1) }
        #expect(exitStatus(of: second) == 0)
        close(reused)
        close(shared)
    }

    @Test func identityIsTheProcessAndLives() {
        let me = ProcessIdentity.current()
        #expect(me.pid == getpid() && me.startTime > 0 && me.isAlive)
        let child = forkWithLimit()
        if child == 0 { _exit(ProcessIdentity.current().pid == getpid() ? 0 : 1) }
        #expect(exitStatus(of: child) == 0)
        #expect(!ProcessIdentity(pid: me.pid, startTime: me.startTime + 1).isAlive)
        #expect(!ProcessIdentity(pid: child, startTime: me.startTime).isAlive)
    }

    /// The kernel gives a pid again; proc(5), `ns_last_pid`, says which comes next.
    @Test(.enabled(if: geteuid() == 0, "choosing a pid takes root"))
    func whoGetsThePidOfADeadProcessIsNotTakenForIt() throws {
        let (dead, pid) = try identityOfAChild()
        kill(pid, SIGKILL)
        _ = exitStatus(of: pid)
        #expect(!dead.isAlive)
        // Start times are counted in ticks of 10 ms.
        ProcessSupport.pause(for: .milliseconds(30))
        for _ in 0..<200 {
            let file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC)
            try #require(file >= 0)
            let text = Array("\(pid - 1)".utf8)
            _ = write(file, text, text.count)
            close(file)
            let (next, reused) = try identityOfAChild()
            defer {
                kill(reused, SIGKILL)
                _ = exitStatus(of: reused)
            }
            // Somebody else's process may have come between.
            guard reused == pid else { continue }
            #expect(next.isAlive && next.pid == dead.pid && next != dead)
            #expect(!dead.isAlive)
            return
        }
        Issue.record("the pid could not be had again")
    }

    /// A child that waits to be killed, and who it says that it is.
    private func identityOfAChild() throws -> (ProcessIdentity, pid_t) {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let child = forkWithLimit()
        if child == 0 {
            var start = ProcessIdentity.current().startTime
            _ = write(ends[1], &start, 8)
            while true { Glibc.pause() }
        }
        close(ends[1])
        var start: UInt64 = 0
        try #require(read(ends[0], &start, 8) == 8)
        return (ProcessIdentity(pid: child, startTime: start), child)
    }
}
