import CLinux
import CProcessTesting
import Glibc
import LMDB
import ProcessSupport

/// What is done to a process at each system call of its opening.
private enum Disturbance {
    case kill, stop, removeAll
    case remove(String)
}

extension Session {
    /// Runs an opening again and again, each time disturbed one system call later, until it gets to its end
    /// undisturbed. SCENARIO is `STATE-DISTURBANCE`, STATE one of `first`, `renew`, `join`; DISTURBANCE `kill`, `stop`,
    /// `removeall`, or a file to remove.
    ///
    /// - Returns: The number of system calls, then what went wrong and where.
    func step(_ scenario: String, path: String) throws -> String {
        let parts = scenario.split(separator: "-", maxSplits: 1).map(String.init)
        let disturbance: Disturbance =
            switch parts[1] {
            case "kill": .kill
            case "stop": .stop
            case "removeall": .removeAll
            default: .remove(parts[1])
            }
        var problems: [String] = []
        for calls in 1...400 {
            removeTree(path)
            var fresh = self
            fresh.options.path = path
            let result = fresh.round(state: parts[0], disturbance, calls)
            if let problem = result.problem { problems.append("\(calls): \(problem)") }
            if result.isOver { return "\(calls) \(problems.joined(separator: "; "))" }
        }
        return "0 never came to its end"
    }

    private mutating func round(
        state: String, _ disturbance: Disturbance, _ calls: Int
    ) -> (problem: String?, isOver: Bool) {
        var holder: pid_t = 0
        let toHolder = Pipe()
        let fromHolder = Pipe()
        defer {
            toHolder.close()
            fromHolder.close()
        }
        if state == "renew" && outcome(of: child { openAndAdd(1) }) != 0 {
            return ("could not prepare", true)
        }
        if state == "join" {
            holder = child { hold(toHolder, fromHolder) }
            _ = fromHolder.receive()
        }
        defer { if holder > 0 { _ = outcome(of: holder) } }
        let victim = child {
            if stepping_begin() != 0 { return 70 }
            return openAndAdd(1)
        }
        guard stepping_attach(victim) == 0 else { return ("tracing is not permitted", true) }
        var status: Int32 = 0
        let stopped = stepping_advance(victim, Int32(calls), &status)
        if stopped != 1 {
            if holder > 0 { toHolder.send(0) }
            return (status == 0 ? nil : "undisturbed, it ended with \(status)", true)
        }
        var problems: [String] = []
        switch disturbance {
        case .kill:
            kill(victim, SIGKILL)
            _ = outcome(of: victim)
        case .stop:
            var impatient = self
            impatient.patience = .milliseconds(10)
            let code = outcome(of: child { impatient.openInTime() })
            if code == Self.late { problems.append("late beside the stopped one") }
            if code != 0 && code != 5 && code != Self.late { problems.append("beside the stopped one: \(code)") }
        case .removeAll: removeTree(options.path)
        case .remove(let name): unlink("\(options.path)/\(name)")
        }
        if case .kill = disturbance {
        } else {
            // Somebody comes before it goes on, while it goes on, and after.
            if case .stop = disturbance {
            } else {
                var impatient = self
                impatient.patience = .milliseconds(10)
                let code = outcome(of: child { impatient.openSilently() })
                if code != 0 && code != 5 { problems.append("before it went on: \(code)") }
            }
            _ = stepping_release(victim)
            let code = outcome(of: victim)
            if code != 0 { problems.append("went on to \(code)") }
        }
        if holder > 0 {
            // The holder is in a write transaction of the environment it has had all along: whoever has the same
            // one waits, or there are two writers.
            toHolder.send(1)
            _ = fromHolder.receive()
            var impatient = self
            impatient.patience = .milliseconds(5)
            let code = outcome(
                of: child { impatient.addBeside(path: options.path, holderID: fromHolder.receive64()) })
            if code != 0 { problems.append("beside the holder: \(code)") }
            toHolder.send(0)
        }
        let code = outcome(of: child { openAndAdd(2) })
        if code != 0 { problems.append("afterwards: \(code)") }
        return (problems.isEmpty ? nil : problems.joined(separator: ", "), false)
    }

    /// Opens and counts up with little patience; 5 says that the deadline came first.
    private func openSilently() -> Int32 {
        var session = self
        do {
            session.environment = try Environment.open(options, deadline: deadline)
            try session.add(1)
            return 0
        } catch let error as EnvironmentError {
            if case .timedOut = error { return 5 }
            answer("error \(error)")
            return 6
        } catch {
            return 7
        }
    }

    /// Has the environment open until told; in a write transaction from the first message to the second.
    private func hold(_ commands: Pipe, _ answers: Pipe) -> Int32 {
        var session = self
        do {
            session.environment = try Environment.open(options, deadline: deadline)
            try session.add(1)
            answers.send(1)
            if commands.receive() == 0 { return 0 }
            try session.current.write(until: deadline) { _ in
                answers.send(1)
                answers.send64(session.environment?.id.0 ?? 0)
                _ = commands.receive()
                return .abort(())
            }
            return 0
        } catch {
            answers.send(1)
            answers.send64(0)
            return 4
        }
    }

    /// While a holder writes: the same environment must not let us write, another one must.
    private func addBeside(path: String, holderID: UInt64) -> Int32 {
        var session = self
        session.patience = .seconds(5)
        guard let environment = try? Environment.open(options, deadline: session.deadline) else { return 10 }
        session.environment = environment
        session.patience = patience
        do {
            try session.add(1)
            return environment.id.0 == holderID ? 11 : 0
        } catch let error as EnvironmentError {
            if case .timedOut = error { return environment.id.0 == holderID ? 0 : 12 }
            return 13
        } catch {
            return 14
        }
    }
}

/// A pipe between forked processes.
struct Pipe {
    private let ends: (reading: Int32, writing: Int32)

    init() {
        var numbers: [Int32] = [0, 0]
        pipe(&numbers)
        ends = (numbers[0], numbers[1])
    }

    func send(_ byte: UInt8) {
        _ = write(ends.writing, [byte], 1)
    }

    func receive() -> UInt8 {
        var byte: UInt8 = 0
        _ = read(ends.reading, &byte, 1)
        return byte
    }

    func send64(_ value: UInt64) {
        withUnsafeBytes(of: value) { _ = write(ends.writing, $0.baseAddress, 8) }
    }

    func receive64() -> UInt64 {
        var value: UInt64 = 0
        _ = read(ends.reading, &value, 8)
        return value
    }

    func close() {
        Glibc.close(ends.reading)
        Glibc.close(ends.writing)
    }
}

extension Session {
    fileprivate static let late: Int32 = 99

    /// As ``openSilently()``; ``late`` where it took longer than its patience by 50 ms, but for the time for which this
    /// process, a fresh child, stood in the run queue (the second number of proc(5)'s `schedstat`).
    fileprivate func openInTime() -> Int32 {
        let began = MonotonicInstant.now()
        let code = openSilently()
        let took = began.duration(to: .now())
        let text = String(
            decoding: (try? readSmallFile("/proc/thread-self/schedstat", limit: 128)) ?? [], as: UTF8.self)
        let queued = text.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0
        return took - .nanoseconds(queued) > patience + .milliseconds(50) ? Self.late : code
    }
}
