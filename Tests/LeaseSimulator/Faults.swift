import LeaseTable
import ProcessSupport
import SeededRandom

// What goes wrong, and what comes from outside.
extension Schedule {
    /// A process starts, and its callers come: most at once, some later.
    func startProcess() {
        let process = SimulatedProcess(number: processes.count)
        processes.append(process)
        startThread(.watch, in: process, at: .watch, key: 0).wait = .deadlines
        for _ in 0...random.below(4) {
            let delay = random.below(4) > 0 ? random.milliseconds(0...3) : random.milliseconds(0...40_000)
            events.append((now + delay, .arrival(process)))
        }
    }

    func handle(_ event: Event) throws(Violation) {
        switch event {
        case .arrival(let process):
            if process.canRun { arrive(in: process) }
        case .resume(let process):
            guard process.isAlive else { return }
            figures[.resumptions] += 1
            process.isStopped = false
            process.resumedAt = now
            note("process \(process.holder.pid) goes on")
        case .closeDescriptors(let process): closeDescriptors(of: process)
        case .removePid(let process): process.hasPid = false
        case .effect(let call): act(on: call)
        }
    }

    private func arrive(in process: SimulatedProcess) {
        figures[.arrivals] += 1
        named.callers += 1
        let longest = [60, 3_000, 30_000, 30_000][random.below(4)]
        let caller = SimulatedCaller(
            number: named.callers, key: random.below(settings.keys), process: process, isAsync: random.below(3) == 0,
            deadline: now + random.milliseconds(1...longest))
        callers.append(caller)
        note("caller \(caller.number) comes to process \(process.holder.pid)")
        startThread(
            .caller, in: process, at: .storedResult, key: caller.key, deadline: caller.deadline, caller: caller)
    }

    /// Perhaps one fault.
    func doHarm() throws(Violation) {
        let draw = random.below(1_000)
        let kinds = [settings.kills, settings.stops, settings.cancellations, settings.rareFaults]
        var threshold = 0
        for (index, rate) in kinds.enumerated() {
            threshold += rate
            guard draw < threshold else { continue }
            switch index {
            case 0: kill()
            case 1: stop()
            case 2:
                if let caller = pick(callers.filter({ $0.isAsync && $0.process.canRun && !$0.isDone })) {
                    cancel(caller)
                }
            default: harmMachine()
            }
            return
        }
    }

    private func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[random.below(elements.count)]
    }

    // Half of the time somebody who is busy: that is where the protocol is.
    private func victim() -> SimulatedProcess? {
        if random.below(2) == 0, let thread = pick(threads.filter { $0.process.canRun && isReady($0) }) {
            return thread.process
        }
        return pick(processes.filter(\.canRun))
    }

    private func kill() {
        guard let process = victim() else { return }
        figures[.crashes] += 1
        note("process \(process.holder.pid) is killed")
        process.isAlive = false
        process.corpses = threads.filter { $0.process === process }
        if process.corpses.contains(where: { $0.write?.table.lockOwner === $0 }) {
            figures[.crashesInTransaction] += 1
        }
        threads.removeAll { $0.process === process }
        callers.removeAll { $0.process === process }
        // A large process takes a while to die, and its pid answers until it has.
        let closing = now + random.milliseconds(0...100)
        events.append((closing, .closeDescriptors(process)))
        events.append((closing + random.milliseconds(0...20), .removePid(process)))
        if processes.count < settings.processes + 6 { startProcess() }
    }

    private func closeDescriptors(of process: SimulatedProcess) {
        note("the descriptors of process \(process.holder.pid) are closed")
        for thread in process.corpses {
            thread.end?.close()
            thread.otherPipe?.closeForBoth()
            // The names stay.
            thread.prepared?.pipe?.closeForBoth()
            if let tenure = thread.tenure, !tenure.isReleased {
                tenure.pipe?.closeForBoth()
                tenure.isReleased = true
            } else if case .granted(let tenure) = thread.ending, thread.point == .claimed {
                tenure.isReleased = true
            }
            if let table = thread.write?.table, table.lockOwner === thread {
                // EOWNERDEAD: the next one goes on, and nothing was written.
                table.lockOwner = nil
                table.hasAborted = true
            }
        }
        for pipe in process.sparePipes { pipe.closeForBoth() }
        process.corpses = []
    }

    private func stop() {
        guard let process = victim() else { return }
        figures[.stops] += 1
        if threads.contains(where: { $0.process === process && $0.write?.table.lockOwner === $0 }) {
            figures[.stopsInTransaction] += 1
        }
        process.isStopped = true
        let time = random.below(2) == 0 ? random.milliseconds(0...50) : random.milliseconds(100...40_000)
        events.append((now + time, .resume(process)))
        note("process \(process.holder.pid) is stopped")
    }

    private func harmMachine() {
        switch random.below(5) {
        case 0:
            guard let table = tableAtPath else { return }
            figures[.removals] += 1
            table.isRemoved = true
            for pipe in table.pipes { pipe.isLinked = false }
            table.pipes = []
            tableAtPath = nil
            note("the directory is removed")
        case 1:
            figures[.suspensions] += 1
            suspended += random.milliseconds(1...30_000)
            suspendedAtStep = step
            note("the machine was suspended")
        case 2:
            // A signal: poll returns early.
            for thread in threads where thread.process.canRun {
                if case .pipe = thread.wait { thread.isSignalled = true }
            }
        default:
            guard let table = tableAtPath else { return }
            table.claimsRefusedUntil = now + random.milliseconds(1...5_000)
            if random.below(2) == 0 { table.fullUntil = now + random.milliseconds(1...3_000) }
            note("room is lacking")
        }
    }
}
