import LeaseTable
import ProcessSupport

// What must hold of everybody who waits, after each step and whenever nobody can take one; and of the end.
extension Schedule {
    private static let slack: UInt64 = 50_000_000

    /// After every step: nobody is late, and every call that was sent is waited for.
    func checkCallers() throws(Violation) {
        for caller in callers where caller.process.canRun {
            if now > max(caller.deadline, caller.process.resumedAt) + Self.slack {
                throw Violation(
                    promise: .nobodyLate,
                    details: "caller \(caller.number) of process \(caller.process.holder.pid) is past its deadline")
            }
        }
        for call in calls where call.thread.process.isAlive {
            guard case .answer = call.thread.wait else {
                throw Violation(promise: .sending, details: "thread \(call.thread.number) left its call")
            }
        }
    }

    /// Nobody can take a step before the clock moves: everyone who waits must have somebody to wait for.
    func checkSleepers() throws(Violation) {
        for thread in threads where thread.process.canRun {
            if case .pipe = thread.wait { try checkSleeper(thread) }
        }
        for process in processes where process.canRun {
            for caller in process.asyncCallers where !caller.isEntering {
                guard let flight = caller.flight else { continue }
                try checkLed(flight, process)
            }
            for flight in process.flights where flight.hasWaiting { try checkLed(flight, process) }
        }
    }

    private func checkSleeper(_ thread: SimulatedThread) throws(Violation) {
        guard let generation = thread.joined?.generation, let end = thread.end,
            let tenure = thread.table?.histories[thread.key].tenure(generation)
        else { return }
        // The time it sleeps for was right when it fell asleep; a suspended machine has shortened the lease since.
        if suspendedAtStep >= thread.sleptAtStep { return }
        if let over = tenure.end {
            // Who ended it is on the way to wake, but stopped, or was killed there; its pipe's hang-up comes in time.
            let mayYetBeWoken = over.by.owesWake && !over.by.process.canRun && end.openedAtStep <= over.step
            if mayYetBeWoken || tenure.isOutOfReach && !tenure.isReleased { return }
        } else if !tenure.isReleased {
            return
        } else if end.pipe.writers > 0, threads.contains(where: { $0.otherPipe === end.pipe }) {
            return
        }
        throw Violation(
            promise: .nobodyStuck,
            details: "thread \(thread.number) sleeps for generation \(name(generation)), which is over")
    }

    /// Somebody falls asleep.
    func checkFallingAsleep(_ thread: SimulatedThread, _ generation: Generation) throws(Violation) {
        let tenure = thread.table?.histories[thread.key].tenure(generation)
        if let over = tenure?.end, let end = thread.end, over.step < end.openedAtStep {
            throw Violation(
                promise: .nobodyStuck,
                details:
                    "thread \(thread.number) falls asleep for \(name(generation)), over before it opened the pipe")
        }
    }

    private func checkLed(_ flight: SimulatedFlight, _ process: SimulatedProcess) throws(Violation) {
        let isLed = threads.contains { thread in
            thread.flight === flight && !thread.isDone && (thread.role != .caller || !thread.point.isWaiting)
        }
        if !isLed {
            throw Violation(
                promise: .nobodyStuck, details: "a flight of process \(process.holder.pid) is led by nobody")
        }
    }

    /// Nothing will happen any more.
    func checkRest() throws(Violation) {
        if let caller = callers.first {
            throw Violation(promise: .nobodyStuck, details: "caller \(caller.number) was never answered")
        }
        for table in tables {
            for key in 0..<settings.keys {
                guard let record = try table.record(key), record.state == .held else { continue }
                if let tenure = table.histories[key].tenure(record.generation), !tenure.isAbandoned {
                    throw Violation(promise: .nobodyStuck, details: "\(name(record.generation)) is held by nobody")
                }
            }
            // Two with each write, once everything is past its time.
            let later = boot.advanced(by: .seconds(3_600))
            for _ in 0..<(table.expiry.count + 1) / 2 {
                figures[.swept] += try table.removeExpired(atMost: configuration.sweepsPerWrite, now: later).count
            }
            if !table.isEmpty {
                throw Violation(promise: .bounded, details: "table \(table.number) does not empty")
            }
        }
    }
}

extension Point {
    fileprivate var isWaiting: Bool { self == .follow || self == .following }
}
