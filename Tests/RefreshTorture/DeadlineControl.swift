import ProcessSupport

/// The control: one thread that does nothing but sleep to the deadlines of this process's callers. How late it wakes is
/// the machine's doing; what callers are late beyond it is ours.
final class DeadlineControl: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    private let woken: TimedMutex.Condition
    /// Guarded by `mutex`.
    private var deadlines: [Int: MonotonicInstant] = [:]
    /// Guarded by `mutex`.
    private var wakes: [Int: UInt64] = [:]

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

    /// The call is over. When the control woke from its deadline; 0 where `end` lies before that.
    func finish(_ call: Int, end: MonotonicInstant) -> UInt64 {
        mutex.withLock {
            if let deadline = deadlines[call], end < deadline {
                deadlines[call] = nil
                return 0
            }
            while deadlines[call] != nil { _ = woken.wait(until: MonotonicInstant.now().advanced(by: .seconds(1))) }
            return wakes.removeValue(forKey: call) ?? 0
        }
    }

    private func run() {
        mutex.withLock {
            while true {
                let now = MonotonicInstant.now()
                for (call, deadline) in deadlines where deadline <= now {
                    deadlines[call] = nil
                    wakes[call] = now.nanoseconds
                    woken.broadcast()
                }
                let next = deadlines.values.min() ?? now.advanced(by: .seconds(60))
                _ = changed.wait(until: next)
            }
        }
    }
}
