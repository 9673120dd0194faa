import CLinux
import FoundationEssentials
import Glibc
import ProcessSupport
import SeededRandom
import StormSupport

/// The master: forks workers, kills, stops and continues them at random, and puts another in the place of each that has
/// ended. It has one thread and never opens the table: now and then nobody has it open.
final class Herd {
    private enum Action {
        case kill, stop, resume
    }

    private struct Slot {
        var kind: Life.Kind
        var life: Int?
        var due = MonotonicInstant(nanoseconds: .max)
        var action = Action.kill
    }

    private let options: TortureOptions
    private let emulator: pid_t
    private let reports: (reading: Int32, writing: Int32)
    private var reader: LineReader
    private var generator: SeededGenerator
    private var slots: [Slot] = []
    private var nextMassacre = MonotonicInstant(nanoseconds: 0)
    private var byPid: [pid_t: Int] = [:]
    /// Every process there has been.
    private(set) var lives: [Life] = []
    /// What the processes of this round have noted.
    private(set) var notes: [Note] = []

    init(options: TortureOptions, emulator: pid_t) throws {
        self.options = options
        self.emulator = emulator
        reports = try Pipes.make()
        // Nobody is to wait for the master when he writes.
        _ = fcntl(reports.reading, Int32(1031), 1 << 20)  // F_SETPIPE_SZ, see fcntl(2)
        reader = LineReader(descriptor: reports.reading)
        generator = SeededGenerator(seed: options.seed)
        let writers = max(1, options.processes / 4)
        slots = (0..<options.processes).map { Slot(kind: $0 < writers ? .writer : .client, life: nil) }
    }

    /// The end of the pipe that workers write to.
    var noting: Int32 { reports.writing }

    /// Processes that have been killed so far, by us or by themselves.
    var deaths: Int {
        lives.count { life in
            if case .signal(SIGKILL) = life.end { true } else { false }
        }
    }

    // MARK: A round

    /// Keeps all slots filled until the round is over, then waits until everybody has left.
    func run(_ plan: ClientWorker.Plan) throws {
        notes = []
        let lastFork = plan.round.end.advanced(by: .milliseconds(-150))
        let giveUp = plan.round.end.advanced(by: .seconds(20))
        nextMassacre = plan.round.begin.advanced(by: .milliseconds(700))
        while true {
            let now = MonotonicInstant.now()
            if now >= nextMassacre, now < lastFork { massacre() }
            for index in slots.indices {
                if slots[index].life == nil, now < lastFork { try hire(index, plan) }
                if slots[index].life != nil, slots[index].due <= now { act(index, isOver: now >= lastFork) }
            }
            if slots.allSatisfy({ $0.life == nil }), now >= lastFork { break }
            guard now < giveUp else {
                let stuck = slots.compactMap(\.life).map { "\($0)" }.joined(separator: ", ")
                throw StormError("workers are still there 20 s after the round's end: lives \(stuck)")
            }
            try drain(timeout: .milliseconds(3))
            try reap()
        }
        try drain(timeout: .zero)
    }

    /// Runs one process that is left alone, to its end.
    func runAlone(_ kind: Life.Kind, _ body: (Int) throws -> Void) throws {
        let life = try fork(kind, body)
        while lives[life].end == nil {
            try drain(timeout: .milliseconds(3))
            try reap()
        }
        try drain(timeout: .zero)
    }

    /// Starts a process that does nothing until ``end(_:)``.
    func start(_ kind: Life.Kind, _ body: (Int) throws -> Void) throws -> Int {
        try fork(kind, body)
    }

    /// Kills what ``start(_:_:)`` began, and waits for it.
    func end(_ life: Int) throws {
        execute(life)
        while lives[life].end == nil {
            try drain(timeout: .milliseconds(1))
            try reap()
        }
    }

    private func hire(_ index: Int, _ plan: ClientWorker.Plan) throws {
        let (seed, other) = (generator.next(), generator.next())
        let kind = slots[index].kind
        let breakage = options.breakage
        let life = try fork(kind) { life in
            if kind == .client {
                try ClientWorker(plan, life: life, seed: seed).work(seed: other)
            } else {
                var writer = TableWriter(
                    directory: plan.directory, life: life, seed: seed, notes: plan.notes, breakage: breakage)
                try writer.run()
            }
        }
        slots[index].life = life
        schedule(index)
    }

    private func fork(_ kind: Life.Kind, _ body: (Int) throws -> Void) throws -> Int {
        let number = lives.count
        let pid = clinux_fork()
        guard pid >= 0 else { throw SystemCallError("fork") }
        if pid == 0 {
            do {
                try body(number)
            } catch {
                FileOutput.standardError("life \(number): \(error)\n")
                _exit(70)
            }
            Note(.leave, life: number).write(to: reports.writing)
            // A forked child must not run its parent's exit handlers.
            _exit(0)
        }
        lives.append(Life(number: number, kind: kind, pid: pid))
        byPid[pid] = number
        return number
    }

    // MARK: Torture

    private func schedule(_ index: Int) {
        let isStop = slots[index].kind == .client && Int.random(in: 0..<12, using: &generator) == 0
        // Exponential: at every moment of a life the next death is as near.
        let mean = slots[index].kind == .client ? 150.0 : 400.0
        let delay = -log(Double.random(in: 0.0001..<1, using: &generator)) * mean
        slots[index].action = isStop ? .stop : .kill
        slots[index].due = MonotonicInstant.now().advanced(by: .microseconds(Int(delay * 1_000)))
    }

    private func act(_ index: Int, isOver: Bool) {
        guard let life = slots[index].life else { return }
        switch slots[index].action {
        case .resume:
            lives[life].stops[lives[life].stops.count - 1].to = MonotonicInstant.now().nanoseconds
            kill(lives[life].pid, SIGCONT)
            schedule(index)
            // What it does when it wakes is worth seeing more often than not.
            if Bool.random(using: &generator) { slots[index].due = slots[index].due.advanced(by: .seconds(1)) }
        case .kill where isOver, .stop where isOver:
            slots[index].due = MonotonicInstant(nanoseconds: .max)
        case .kill: execute(life)
        case .stop: stop(index, life)
        }
    }

    private func execute(_ life: Int) {
        if lives[life].killedAt == nil { lives[life].killedAt = MonotonicInstant.now().nanoseconds }
        kill(lives[life].pid, SIGKILL)
        for index in slots.indices where slots[index].life == life {
            slots[index].due = MonotonicInstant(nanoseconds: .max)
        }
    }

    private func stop(_ index: Int, _ life: Int) {
        let pid = lives[life].pid
        let now = MonotonicInstant.now().nanoseconds
        var status: Int32 = 0
        kill(pid, SIGSTOP)
        // Until it has stopped, or ended.
        guard waitpid(pid, &status, WUNTRACED) == pid, status & 0xFF == 0x7F else {
            ended(pid, status)
            return
        }
        let heldLock = WriteLock(directory: directory).isHeld(by: pid)
        lives[life].stops.append(Life.Stop(from: now, to: .max, heldLock: heldLock))
        // Some long enough to run past the lease.
        let long = !heldLock && Int.random(in: 0..<2, using: &generator) == 0
        let length = long ? Int.random(in: 300...900, using: &generator) : Int.random(in: 1...80, using: &generator)
        slots[index].action = .resume
        slots[index].due = MonotonicInstant.now().advanced(by: .milliseconds(length))
    }

    private func massacre() {
        nextMassacre = MonotonicInstant.now().advanced(
            by: .milliseconds(Int.random(in: 300...1_500, using: &generator)))
        for slot in slots {
            if let life = slot.life { execute(life) }
        }
    }

    /// Where the table is; set before the first round.
    var directory = ""

    // MARK: What comes back

    private func drain(timeout: Duration) throws {
        var wait = timeout
        while clinux_poll_readable(reports.reading, wait.wholeNanoseconds) > 0 {
            for line in reader.available() {
                guard let note = Note(line: line) else { throw StormError("a worker wrote what is no note") }
                take(note)
            }
            wait = .zero
        }
    }

    private func take(_ note: Note) {
        notes.append(note)
        switch note.kind {
        case .death:
            lives[note.life].killedAt = min(lives[note.life].killedAt ?? .max, note.time)
            lives[note.life].point = note.outcome
        case .leave: lives[note.life].leftAt = note.time
        case .lock:
            // It stops itself, in the write lock: to be continued before a lease's result would be given up.
            lives[note.life].stops.append(Life.Stop(from: note.time, to: .max, heldLock: true))
            for index in slots.indices where slots[index].life == note.life {
                slots[index].action = .resume
                slots[index].due = MonotonicInstant.now().advanced(
                    by: .milliseconds(Int.random(in: 20...500, using: &generator)))
            }
        default: break
        }
    }

    private func reap() throws {
        if options.breakage == .processes, lives.count % 50 == 0 { _ = dup(reports.writing) }
        var status: Int32 = 0
        while true {
            let pid = waitpid(-1, &status, WNOHANG)
            guard pid > 0 else { return }
            if pid == emulator { throw StormError("the emulator has ended") }
            ended(pid, status)
        }
    }

    private func ended(_ pid: pid_t, _ status: Int32) {
        guard let life = byPid.removeValue(forKey: pid) else { return }
        lives[life].end = status & 0x7F == 0 ? .left((status >> 8) & 0xFF) : .signal(status & 0x7F)
        let now = MonotonicInstant.now().nanoseconds
        for stop in lives[life].stops.indices where lives[life].stops[stop].to == .max {
            lives[life].stops[stop].to = now
        }
        for index in slots.indices where slots[index].life == life { slots[index].life = nil }
    }
}

/// The table's write lock as it lies in the file `guard`: a robust mutex whose first word, at byte 128, holds the thread
/// that has it (futex(2), robust futexes).
struct WriteLock {
    let directory: String

    /// Whether a thread of process `pid`, which is stopped, has the lock.
    func isHeld(by pid: pid_t) -> Bool {
        guard let bytes = try? readSmallFile("\(directory)/guard", limit: 132), bytes.count == 132 else {
            return false
        }
        let word = bytes[128..<132].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let thread = word & 0x3FFF_FFFF
        return thread != 0 && access("/proc/\(pid)/task/\(thread)", F_OK) == 0
    }
}
