import CLinux
import Glibc
import LMDB
import LeaseTable
import ProcessSupport

/// The forked processes that make the load.
struct Workers {
    private var children: [(pid: pid_t, reports: Int32)] = []

    init(count: Int, _ make: (Int, Int32) -> LoadWorker) throws {
        for number in 0..<count {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw SystemCallError("pipe") }
            // Or the children would print it too.
            fflush(nil)
            let pid = clinux_fork()
            if pid == 0 { make(number, ends[1]).run() }
            close(ends[1])
            guard pid > 0 else { throw SystemCallError("fork") }
            children.append((pid, ends[0]))
        }
    }

    /// Waits for all and adds up what they did; a worker that died counts as a failure.
    func collect() -> LoadWorker.Counts {
        var total = LoadWorker.Counts()
        for child in children {
            var buffer = [UInt8](repeating: 0, count: 256)
            let count = read(child.reports, &buffer, buffer.count)
            let text = String(decoding: buffer.prefix(max(0, count)).filter { $0 != 10 }, as: UTF8.self)
            if let counts = LoadWorker.Counts(text: text) { total += counts } else { total.failures += 1 }
            close(child.reports)
            var status: Int32 = 0
            waitpid(child.pid, &status, 0)
        }
        return total
    }
}

/// A process that stops itself inside a read transaction.
struct StoppedReader {
    private let pid: pid_t

    init(_ configuration: RefreshConfiguration) throws {
        let pid = clinux_fork()
        if pid == 0 {
            let deadline = MonotonicInstant.now().advanced(by: .seconds(5))
            let options = EnvironmentOptions(
                path: configuration.directory ?? "", role: .participant, mapSize: configuration.mapSize,
                readerSlots: configuration.readerSlots, readersPerProcess: 1)
            let environment = try? Environment.open(options, deadline: deadline)
            // Something must be there to be pinned.
            _ = try? environment?.write(until: deadline) { transaction throws(EnvironmentError) in
                try transaction.put([0], [0])
                return .commit(())
            }
            _ = try? environment?.read(until: deadline) { _ in _ = raise(SIGSTOP) }
            _exit(0)
        }
        guard pid > 0 else { throw SystemCallError("fork") }
        self.pid = pid
        var status: Int32 = 0
        // Returns when it has stopped.
        waitpid(pid, &status, WUNTRACED)
    }

    func kill() {
        Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }
}
