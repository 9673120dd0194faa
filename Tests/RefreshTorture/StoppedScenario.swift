import CProcessTesting
import Glibc
import LMDB
import LeaseTable
import ProcessSupport
import StormSupport

/// Another process is stopped at a chosen place. What its stop may cost the others is time up to their deadlines, never
/// a second refresh.
enum StoppedScenario: String, CaseIterable {
    /// It holds the write lock.
    case writing = "stopped-writing"
    /// It is opening the environment.
    case opening = "stopped-opening"
    /// It has the lease, and has not yet sent.
    case sending = "stopped-sending"

    /// Plays it.
    ///
    /// - Returns: What held and what did not, in words.
    func play(_ stage: Stage) throws -> [(what: String, held: Bool)] {
        switch self {
        case .writing: try playWriting(stage)
        case .opening: try playOpening(stage)
        case .sending: try playSending(stage)
        }
    }

    // MARK: The write lock

    private func playWriting(_ stage: Stage) throws -> [(String, Bool)] {
        let (known, wanted) = (try stage.newToken(), try stage.newToken())
        let workers = try (0..<3).map { _ in try stage.enter() }
        // One reader slot each: more readers than that must not wait for the write lock to get another.
        for worker in workers { try stage.order(worker, token: known, callers: 1, patience: 3_000) }
        let first = try stage.collect(3)
        let holder = try stage.enter(stage.stopWriting)
        try stage.awaitStop(holder)
        let isHeld = WriteLock(directory: stage.directory).isHeld(by: holder.pid)
        // Left: those who have the table open. Right: one who comes now.
        let newcomer = try stage.enter()
        for worker in workers {
            try stage.order(worker, token: wanted, callers: 4, patience: 400)
            try stage.order(worker, token: known, callers: 32, patience: 400)
        }
        try stage.order(newcomer, token: wanted, callers: 4, patience: 400)
        let meanwhile = try stage.collect(112)
        let arrivedMeanwhile = try stage.arrivals(of: wanted)
        kill(holder.pid, SIGCONT)
        for worker in workers + [newcomer] { try stage.order(worker, token: wanted, callers: 4, patience: 3_000) }
        let after = try stage.collect(16)
        let waiting = meanwhile.filter { $0.token == wanted }
        let reading = meanwhile.filter { $0.token == known }
        return [
            ("the result that is to be read is stored", succeeded(first)),
            ("the stopped process has the write lock", isHeld),
            (
                "16 callers have a timeout",
                waiting.count == 16 && waiting.allSatisfy { $0.end?.outcome == "deadline" }
            ),
            ("at their deadlines", waiting.allSatisfy(isOnTime)),
            ("none of them refreshed alone", arrivedMeanwhile == 0),
            ("96 readers of the stored result are served", reading.count == 96 && succeeded(reading)),
            ("at once", reading.allSatisfy(wasNotHeldUp)),
            ("the holder goes on", stage.awaitEnd(holder) == 0),
            ("all go on", succeeded(after)),
            ("with one call", try stage.arrivals(of: wanted) == 1),
        ]
    }

    // MARK: Opening

    private func playOpening(_ stage: Stage) throws -> [(String, Bool)] {
        let (known, wanted, other) = (try stage.newToken(), try stage.newToken(), try stage.newToken())
        let workers = try (0..<2).map { _ in try stage.enter() }
        for worker in workers { try stage.order(worker, token: known, callers: 2, patience: 3_000) }
        let first = try stage.collect(4)
        let opener = try stage.enter { _ in
            guard stepping_begin() == 0 else { throw SystemCallError("ptrace") }
            _ = try stage.open(deadline: MonotonicInstant.now().advanced(by: .seconds(30)))
        }
        try step(opener) { isOpenLockTaken(stage.directory) }
        let newcomers = try (0..<2).map { _ in try stage.enter() }
        for newcomer in newcomers { try stage.order(newcomer, token: wanted, callers: 4, patience: 400) }
        for worker in workers {
            try stage.order(worker, token: known, callers: 4, patience: 400)
            try stage.order(worker, token: other, callers: 4, patience: 3_000)
        }
        let meanwhile = try stage.collect(24)
        let arrivedMeanwhile = try stage.arrivals(of: wanted)
        _ = stepping_release(opener.pid)
        for newcomer in newcomers { try stage.order(newcomer, token: wanted, callers: 4, patience: 3_000) }
        let after = try stage.collect(8)
        let waiting = meanwhile.filter { $0.token == wanted }
        let reading = meanwhile.filter { $0.token == known }
        return [
            ("the result that is to be read is stored", succeeded(first)),
            (
                "8 newcomers have a timeout",
                waiting.count == 8 && waiting.allSatisfy { $0.end?.outcome == "deadline" }
            ),
            ("at their deadlines", waiting.allSatisfy(isOnTime)),
            ("none of them refreshed alone", arrivedMeanwhile == 0),
            ("8 readers of the stored result are served", reading.count == 8 && succeeded(reading)),
            ("at once", reading.allSatisfy(wasNotHeldUp)),
            ("those who are in refresh another token", succeeded(meanwhile.filter { $0.token == other })),
            ("with one call", try stage.arrivals(of: other) == 1),
            ("the opener goes on", stage.awaitEnd(opener) == 0),
            ("all go on", succeeded(after)),
            ("with one call", try stage.arrivals(of: wanted) == 1),
        ]
    }

    // MARK: Between claim and call

    private func playSending(_ stage: Stage) throws -> [(String, Bool)] {
        let (known, wanted) = (try stage.newToken(), try stage.newToken())
        let workers = try (0..<2).map { _ in try stage.enter() }
        for worker in workers { try stage.order(worker, token: known, callers: 1, patience: 3_000) }
        let first = try stage.collect(2)
        let holder = try stage.enter { number in
            guard stepping_begin() == 0 else { throw SystemCallError("ptrace") }
            try stage.callAlone(number, token: wanted, patience: .seconds(20))
        }
        let key = try stage.recordKey(of: wanted)
        let deadline = MonotonicInstant.now().advanced(by: .seconds(20))
        let table = try LeaseTable(
            stage.configuration, in: .choose(named: stage.directory), role: .inspector, deadline: deadline)
        // To the first system call after the commit of its claim: its thread that calls is not there yet.
        try step(holder) {
            try table.leases(deadline: deadline).contains { lease in
                guard lease.key == key, case .success(let record) = lease.record else { return false }
                return record.state == .held && record.holder.pid == holder.pid
            }
        }
        let arrivedBefore = try stage.arrivals(of: wanted)
        for worker in workers { try stage.order(worker, token: wanted, callers: 4, patience: 3_000) }
        let after = try stage.collect(8)
        let arrivedMeanwhile = try stage.arrivals(of: wanted)
        _ = stepping_release(holder.pid)
        let own = try stage.collect(1)
        return [
            ("the table is in use", succeeded(first)),
            ("the stopped holder has not sent", arrivedBefore == 0),
            ("8 waiters are served by a successor", succeeded(after)),
            ("with one call", arrivedMeanwhile == 1),
            ("the holder goes on", stage.awaitEnd(holder) == 0),
            ("and has the same result", succeeded(own + after)),
            ("without sending", try stage.arrivals(of: wanted) == 1),
        ]
    }

    // MARK: Judging

    /// Whether all have a result, and the same.
    private func succeeded(_ calls: [RoundHistory.Call]) -> Bool {
        !calls.isEmpty && calls.allSatisfy { $0.end?.outcome == "success" }
            && Set(calls.compactMap { $0.end?.digest }).count == 1
    }

    private func isOnTime(_ call: RoundHistory.Call) -> Bool {
        var tally = Tally()
        guard let end = call.end else { return false }
        return end.time >= call.deadline && tally.measure(deadline: call.deadline, end: end)
    }

    // Far from its deadline, which is what it would wait for; what a crowd of threads takes on a busy machine is allowed.
    private func wasNotHeldUp(_ call: RoundHistory.Call) -> Bool {
        guard let end = call.end else { return false }
        let took = end.time - call.begin
        return took <= 150_000_000 + end.queued
    }

    // MARK: Stopping at a place

    /// Lets a process run from system call to system call until it has come to the place.
    private func step(_ actor: Stage.Actor, until isThere: () throws -> Bool) throws {
        guard stepping_attach(actor.pid) == 0 else { throw StormError("tracing is not permitted") }
        var status: Int32 = 0
        while try !isThere() {
            guard stepping_advance(actor.pid, 1, &status) == 1 else {
                throw StormError("actor \(actor.number) did not come to the place")
            }
        }
    }

    private func isOpenLockTaken(_ directory: String) -> Bool {
        let file = Glibc.open("\(directory)/open.lock", O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0
    }
}
