import LeaseTable
import ProcessSupport
import SeededRandom

/// One schedule: a machine with its processes, table, pipes, clock and upstream, and a seed that decides who takes the
/// next step, and what goes wrong.
///
/// The processes take the steps of the real code (`RefreshClient`, `FlightLeader`, `HolderCall`, `Flight`, `LeaseTable`,
/// `PipeWait`, `WakePipe`); every decision on a record is made by the real `LeaseStateMachine` on a record that went
/// through the real `RecordCodec`. Nothing here depends on anything but the seed and the options.
final class Schedule {
    let options: SimulationOptions
    let settings: ScheduleSettings
    let materials: [KeyMaterial]
    var random: SeededGenerator
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    var now: UInt64 = 1_000_000_000_000
    /// By how much `CLOCK_BOOTTIME` is ahead of it: the time the machine was suspended.
    var suspended: UInt64 = 0
    var suspendedAtStep = -1
    var step = 0
    /// Whether faults and callers still come.
    var isHostile = true
    var processes: [SimulatedProcess] = []
    var threads: [SimulatedThread] = []
    var callers: [SimulatedCaller] = []
    var events: [(at: UInt64, event: Event)] = []
    var tables: [SimulatedTable] = []
    var tableAtPath: SimulatedTable?
    var tokens: [SimulatedToken]
    var calls: [SimulatedCall] = []
    var bodies = 0
    var named = (threads: 0, callers: 0, pipes: 0)
    var figures = Figures()
    var trace: Trace
    private var ready: [SimulatedThread] = []

    /// What happens by itself at its time.
    enum Event {
        case arrival(SimulatedProcess)
        case resume(SimulatedProcess)
        /// The kernel has closed the descriptors of a process that was killed.
        case closeDescriptors(SimulatedProcess)
        case removePid(SimulatedProcess)
        case effect(SimulatedCall)
    }

    init(seed: UInt64, options: SimulationOptions, materials: [KeyMaterial], isTraced: Bool) {
        self.options = options
        self.materials = materials
        random = SeededGenerator(seed: seed)
        settings = ScheduleSettings(options, &random)
        tokens = Array(repeating: SimulatedToken(), count: settings.keys)
        trace = Trace(isOn: isTraced)
    }

    var boot: BootInstant { BootInstant(nanoseconds: now + suspended) }
    var configuration: RefreshConfiguration { settings.configuration }

    // MARK: Running

    /// Runs to the end.
    func run() throws(Violation) {
        figures.schedules = 1
        for _ in 0..<settings.processes { startProcess() }
        while step < options.steps, try takeStep() {}
        isHostile = false
        let bound = step + 60_000
        while try takeStep() {
            if step > bound { throw Violation(promise: .nobodyStuck, details: "it does not come to rest") }
        }
        try checkRest()
    }

    /// Whatever is due happens, then one thread takes one step. False where nothing will ever happen any more.
    private func takeStep() throws(Violation) -> Bool {
        step += 1
        figures[.steps] += 1
        while let index = events.firstIndex(where: { $0.at <= now }) {
            try handle(events.remove(at: index).event)
        }
        if isHostile { try doHarm() }
        ready.removeAll(keepingCapacity: true)
        for thread in threads where thread.process.canRun && isReady(thread) { ready.append(thread) }
        if ready.isEmpty {
            try checkSleepers()
            guard let next = nextInstant() else { return false }
            now = max(now, next)
            return true
        }
        let thread = ready[random.below(ready.count)]
        now += UInt64(random.below(30_000))
        try take(thread)
        if thread.isDone { threads.removeAll { $0 === thread } }
        try checkCallers()
        return true
    }

    private func take(_ thread: SimulatedThread) throws(Violation) {
        thread.wait = .ready
        if thread.write != nil {
            try stepWrite(thread)
        } else if thread.role == .watch || thread.point.isCallers {
            try stepCaller(thread)
        } else if thread.point.isHolders {
            try stepHolder(thread)
        } else {
            try stepLeader(thread)
        }
    }

    func isReady(_ thread: SimulatedThread) -> Bool {
        switch thread.wait {
        case .ready: true
        case .until(let instant): now >= instant
        case .lock(let until): thread.write?.table.lockOwner == nil || now >= until
        case .pipe(let until): thread.isSignalled || thread.end?.isReadable ?? true || now >= until
        case .flight(let until): thread.isSignalled || now >= until
        case .answer: thread.call.map { $0.timesOutAt <= now || $0.answer != nil && $0.answerAt <= now } ?? true
        case .deadlines: thread.process.asyncCallers.contains { $0.deadline <= now }
        }
    }

    /// When anything happens next by the clock alone.
    private func nextInstant() -> UInt64? {
        var next = UInt64.max
        for event in events { next = min(next, event.at) }
        for thread in threads where thread.process.canRun {
            switch thread.wait {
            case .ready: next = now
            case .until(let instant), .lock(let instant), .pipe(let instant), .flight(let instant):
                next = min(next, instant)
            case .answer:
                if let call = thread.call {
                    next = min(next, call.timesOutAt, call.answer == nil ? .max : call.answerAt)
                }
            case .deadlines:
                for caller in thread.process.asyncCallers { next = min(next, caller.deadline) }
            }
        }
        return next == .max ? nil : next
    }

    // MARK: Threads

    @discardableResult
    func startThread(
        _ role: SimulatedThread.Role, in process: SimulatedProcess, at point: Point, key: Int,
        deadline: UInt64 = .max, caller: SimulatedCaller? = nil
    ) -> SimulatedThread {
        named.threads += 1
        let thread = SimulatedThread(
            number: named.threads, process: process, role: role, caller: caller, key: key, deadline: deadline,
            point: point)
        threads.append(thread)
        return thread
    }

    func finish(_ thread: SimulatedThread) {
        thread.point = .done
        thread.isDone = true
    }

    // MARK: Telling

    func note(_ thread: SimulatedThread, _ text: @autoclosure () -> String) {
        guard trace.isOn else { return }
        note("process \(thread.process.holder.pid) thread \(thread.number) (\(thread.role)): \(text())")
    }

    func note(_ text: @autoclosure () -> String) {
        guard trace.isOn else { return }
        let microseconds = (now - 1_000_000_000_000) / 1_000
        trace.add("step \(step) at \(microseconds) us: \(text())")
    }

    func name(_ generation: Generation) -> String {
        let table = tables.first { $0.id == generation.environment }?.number ?? 0
        return "\(generation.transaction) of table \(table)"
    }

    // MARK: Outcomes

    func seal(
        _ number: Int, _ kind: OutcomeKind, _ generation: Generation, key: Int
    ) throws(Violation) -> SealedOutcome {
        let plaintext = withNumber(number)
        do throws(SealingError) {
            return try SealedOutcome.seal(
                plaintext: plaintext, kind: kind, generation: generation, key: materials[key])
        } catch {
            throw Violation(promise: .agreement, details: "\(error)")
        }
    }

    func open(_ sealed: SealedOutcome, key: Int) throws(Violation) -> Int {
        do throws(UnsealError) {
            let bytes = try SealedOutcome.open(sealed, key: materials[key])
            return bytes.reduce(0) { $0 << 8 | Int($1) }
        } catch {
            throw Violation(promise: .agreement, details: "\(error)")
        }
    }

    private func withNumber(_ number: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}

extension Point {
    var isCallers: Bool {
        switch self {
        case .storedResult, .storedResultDecide, .joinFlight, .follow, .following, .enroll, .startLeader,
            .checkEnded, .watch:
            true
        default: false
        }
    }

    var isHolders: Bool {
        switch self {
        case .maySendRead, .maySendDecide, .renewedBeforeSend, .send, .answered, .holdOn, .heldOn, .noteUnpublished,
            .publish, .published, .renewForPublish, .pauseForPublish, .fail, .failed, .rejoin, .release, .unlink,
            .loneSend, .loneAnswered, .wakeOwn, .openOther, .writeOther:
            true
        default: false
        }
    }
}
