import CLinux
import Glibc
import LMDB
import ProcessSupport

/// Runs `body` in a forked child, which then exits with what it answers.
func child(_ body: () -> Int32) -> pid_t {
    let pid = clinux_fork()
    if pid == 0 { _exit(body()) }
    return pid
}

/// Waits for a child: its exit status, or minus the signal that ended it.
func outcome(of pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : -signal
}

extension Session {
    /// The child goes on with the session, the parent leaves.
    func handOver() -> String {
        if clinux_fork() != 0 { _exit(0) }
        return "\(getpid())"
    }

    /// Opens anew, as each entry of the library does, and counts up.
    func openAndAdd(_ count: Int) -> Int32 {
        var session = self
        do {
            for _ in 0..<count {
                session.environment = try Environment.open(options, deadline: deadline)
                try session.add(1)
                _ = try session.get("counter")
            }
            return 0
        } catch {
            answer("child: \(error)")
            return 2
        }
    }

    func forkAndAdd(children: Int, count: Int, deeper: Bool) -> String {
        let pids = (0..<children).map { index in
            child {
                var failed: Int32 = 0
                // Children's children, before and after their parent has an environment of its own.
                if deeper && index % 2 == 0 { failed += forkedFailures(1, count) }
                failed += openAndAdd(count)
                if deeper && index % 2 == 1 { failed += forkedFailures(1, count) }
                return failed
            }
        }
        let own = openAndAdd(count)
        return "\(pids.reduce(own) { $0 + abs(outcome(of: $1)) })"
    }

    private func forkedFailures(_ children: Int, _ count: Int) -> Int32 {
        (0..<children).map { _ in child { openAndAdd(count) } }.reduce(0) { $0 + abs(outcome(of: $1)) }
    }

    /// Opens each path on two threads at once. Answers how many different environments came of it.
    func openByThreads(_ paths: [String]) throws -> String {
        let mutex = TimedMutex()
        let ended = TimedMutex.Condition(of: mutex)
        nonisolated(unsafe) var opened: [Environment?] = []
        for path in paths + paths {
            var mine = options
            mine.path = path
            let (request, until) = (mine, deadline)
            try LibraryThread.start {
                let environment = try? Environment.open(request, deadline: until)
                mutex.withLock { opened.append(environment) }
                ended.broadcast()
            }
        }
        let last = deadline
        return mutex.withLock {
            while opened.count < paths.count * 2 && ended.wait(until: last) {}
            let objects = opened.compactMap { $0 }
            return "\(objects.count) \(Set(objects.map(ObjectIdentifier.init)).count)"
        }
    }

    /// Forks while two other threads are in write transactions all the time.
    func forkWhileWriting(rounds: Int) throws -> String {
        let environment = try current
        let stop = TimedMutex()
        nonisolated(unsafe) var isOver = false
        nonisolated(unsafe) var counts = [0, 0]
        nonisolated(unsafe) var running = 2
        let ended = TimedMutex.Condition(of: stop)
        for index in 0..<2 {
            let session = self
            // As the library's own threads: a child of a fork in between could find a lock of the Swift runtime taken.
            try LibraryThread.start(holdingOffForks: true) {
                var mine = 0
                while !stop.withLock({ isOver }) {
                    if (try? session.add(1)) == nil { break }
                    mine += 1
                }
                stop.withLock {
                    counts[index] = mine
                    running -= 1
                }
                ended.broadcast()
            }
        }
        var failed: Int32 = 0
        for _ in 0..<rounds {
            failed += abs(outcome(of: child { environment.isCurrent ? 9 : openAndAdd(5) }))
        }
        let total = stop.withLock {
            isOver = true
            while running > 0 { _ = ended.wait(until: deadline) }
            return counts[0] + counts[1] + rounds * 5
        }
        return "\(failed) \(total)"
    }
}
