import CLinux
import Glibc
import ProcessSupport
import Testing

/// Who waits for whom when descriptors are opened and processes forked at once.
extension ForkLocalTests {
    // Opener                   Test                        Forker
    // opens, which takes long
    //                          opens and closes another
    //                                                      forks: waits
    //                          lets the opener go on
    // has it open                                          forked: the child has it not
    @Test(.timeLimit(.minutes(1))) func aSlowOpeningHoldsUpForksAlone() throws {
        let directory = try Scratch()
        let path = directory.path + "/slow"
        try #require(mkfifo(path, 0o600) == 0)
        let opener = try Watched {
            // Until somebody opens the other end.
            clinux_open_fork_private(AT_FDCWD, path, O_RDONLY)
        }
        opener.awaitSleep()
        let other = try Watched {
            let descriptor = clinux_open_fork_private(AT_FDCWD, "/dev/null", O_RDONLY)
            _ = ForkLocal<Nothing>(.tests).value(Nothing.init)
            return clinux_close_fork_private(descriptor)
        }
        #expect(other.result(within: .seconds(5)) == 0)
        let forker = try Watched {
            let child = forkWithLimit()
            if child == 0 { _exit(openings(of: path)) }
            return exitStatus(of: child)
        }
        forker.awaitSleep()
        #expect(forker.result(within: .zero) == nil)
        let writing = open(path, O_WRONLY | O_CLOEXEC)
        defer { close(writing) }
        let descriptor = try #require(opener.result(within: .seconds(5)))
        // The test's own writing end alone.
        #expect(forker.result(within: .seconds(5)) == 1)
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        clinux_close_fork_private(descriptor)
    }

    // Holder                   Test                        Forker
    // holds forks off, twice
    //                                                      forks: waits
    //                          has it let them on once
    //                                                      waits
    //                          has it let them on
    //                                                      forks
    @Test(.timeLimit(.minutes(1))) func aForkWaitsForAllThatHoldItOff() throws {
        var orders: [Int32] = [-1, -1]
        try #require(pipe(&orders) == 0)
        defer { for end in orders { close(end) } }
        let reading = orders[0]
        let holder = try Watched {
            var byte: UInt8 = 0
            clinux_fork_hold_off()
            clinux_fork_hold_off()
            _ = read(reading, &byte, 1)
            clinux_fork_let_on()
            _ = read(reading, &byte, 1)
            clinux_fork_let_on()
            return 0
        }
        holder.awaitSleep()
        let forker = try Watched {
            let child = forkWithLimit()
            if child == 0 {
                // Nothing of the parent's holds the child's own forks off.
                let grandchild = forkWithLimit()
                if grandchild == 0 { _exit(0) }
                _exit(exitStatus(of: grandchild))
            }
            return exitStatus(of: child)
        }
        forker.awaitSleep()
        _ = write(orders[1], "1", 1)
        holder.awaitSleep()
        #expect(forker.result(within: .milliseconds(20)) == nil)
        _ = write(orders[1], "2", 1)
        #expect(forker.result(within: .seconds(5)) == 0)
        #expect(holder.result(within: .seconds(5)) == 0)
    }

    private final class Nothing {}
}

/// How many descriptors of this process lead to the pipe at `path`. Safe in a forked child.
private func openings(of path: String) -> Int32 {
    var named = stat()
    guard lstat(path, &named) == 0 else { return -1 }
    var count: Int32 = 0
    for descriptor in Int32(0)..<1024 {
        var opened = stat()
        if fstat(descriptor, &opened) == 0, opened.st_ino == named.st_ino, opened.st_dev == named.st_dev {
            count += 1
        }
    }
    return count
}

/// A directory of the test's own, removed with it.
private final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/fork-local-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        unlink(path + "/slow")
        rmdir(path)
    }
}

/// A thread whose sleep and whose result can be awaited.
private final class Watched: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    /// Guarded by `mutex`: `PID/task/TID`.
    private var place: String?
    /// Guarded by `mutex`.
    private var outcome: Int32?

    init(_ body: @escaping @Sendable () -> Int32) throws {
        changed = TimedMutex.Condition(of: mutex)
        try LibraryThread.start {
            var link = [CChar](repeating: 0, count: 64)
            _ = readlink("/proc/thread-self", &link, 63)
            let place = String(decoding: link.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            self.mutex.withLock { self.place = place }
            let outcome = body()
            self.mutex.withLock { self.outcome = outcome }
            self.changed.broadcast()
        }
    }

    /// Waits until the thread sleeps in the kernel, where it is to be woken.
    func awaitSleep() {
        while true {
            pause(for: .milliseconds(5))
            guard let place = mutex.withLock({ place }),
                let text = try? readSmallFile("/proc/\(place)/status", limit: 4096)
            else { continue }
            if String(decoding: text, as: UTF8.self).contains("State:\tS") { return }
        }
    }

    /// What the thread ended with; `nil` where it has not within `limit`.
    func result(within limit: Duration) -> Int32? {
        let deadline = MonotonicInstant.now().advanced(by: limit)
        return mutex.withLock {
            while outcome == nil { if !changed.wait(until: deadline) { break } }
            return outcome
        }
    }
}
