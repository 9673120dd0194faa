import ProcessSupport

/// The control: one thread that does nothing but sleep to the deadlines of this process's callers. How late it wakes is
/// the machine's doing; what callers are late beyond it is ours, but for the time for which they, or a thread of their
/// process that had what they waited for, stood in the run queue.
final class DeadlineControl: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    private let woken: TimedMutex.Condition
    /// Guarded by `mutex`.
    private var deadlines: [Int: MonotonicInstant] = [:]
    /// Guarded by `mutex`.
    private var wakes: [Int: Wake] = [:]

    /// The control's wake from a deadline.
    private struct Wake {
        var time: UInt64
        /// How long each thread of the process had stood in the run queue until then.
        var queued: [String: UInt64]
    }

    /// What a caller was up against past its deadline.
    struct Comparison {
        /// When the control woke from the deadline; 0 where the call ended before.
        var woken: UInt64 = 0
        /// For how long, from then on, another thread of the process stood in the run queue, at the most; in nanoseconds.
        var othersQueued: UInt64 = 0
    }

    init() throws(SystemCallError) {
        changed = TimedMutex.Condition(of: mutex)
        woken = TimedMutex.Condition(of: mutex)
        try LibraryThread.start { self.run() }
    }

    /// Sleeps to a call's deadline.
    func watch(_ call: Int, _ deadline: MonotonicInstant) {
        mutex.withLock {
            deadlines[call] = deadline
            changed.signal()
        }
    }

    /// The call is over. To be asked on the caller's thread, at once.
    func finish(_ call: Int, end: MonotonicInstant) -> Comparison {
        let wake: Wake? = mutex.withLock {
            if let deadline = deadlines[call], end < deadline {
                deadlines[call] = nil
                return nil
            }
            while deadlines[call] != nil { _ = woken.wait(until: MonotonicInstant.now().advanced(by: .seconds(1))) }
            return wakes.removeValue(forKey: call)
        }
        guard let wake else { return Comparison() }
        let own = RunQueue.thread
        let others = RunQueue.ofAllThreads().filter { $0.key != own }
        let waits = others.map { $1 - min($1, wake.queued[$0] ?? 0) }
        return Comparison(woken: wake.time, othersQueued: waits.max() ?? 0)
    }

    private func run() {
        mutex.withLock {
            while true {
                let now = MonotonicInstant.now()
                for (call, deadline) in deadlines where deadline <= now {
                    deadlines[call] = nil
                    wakes[call] = Wake(time: now.nanoseconds, queued: RunQueue.ofAllThreads())
                    woken.broadcast()
                }
                let next = deadlines.values.min() ?? now.advanced(by: .seconds(60))
                _ = changed.wait(until: next)
            }
        }
    }
}
