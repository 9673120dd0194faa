import ProcessSupport

/// The thread that ends asynchronous callers at their deadlines, whatever their flights are doing. It runs while there
/// are any.
final class DeadlineWatch: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    /// Guarded by `mutex`; the nearest deadline last.
    private var callers: [AsyncCaller] = []
    /// Guarded by `mutex`.
    private var isRunning = false

    init() {
        changed = TimedMutex.Condition(of: mutex)
    }

    /// This process's.
    static func current() -> DeadlineWatch {
        ForkLocal<DeadlineWatch>(.deadlines).value(DeadlineWatch.init)
    }

    /// Watches a caller. Where there is no thread to be had, nothing ends it but its outcome.
    func add(_ caller: AsyncCaller) {
        let mustStart: Bool = mutex.withLock {
            callers.insert(caller, at: index(of: caller.deadline))
            changed.signal()
            defer { isRunning = true }
            return !isRunning
        }
        guard mustStart else { return }
        do throws(SystemCallError) {
            try LibraryThread.start(holdingOffForks: true) { self.run() }
        } catch {
            mutex.withLock { isRunning = false }
        }
    }

    /// Forgets a caller that was resumed otherwise.
    func remove(_ caller: AsyncCaller) {
        mutex.withLock {
            var position = index(of: caller.deadline)
            while position < callers.count, callers[position].deadline == caller.deadline {
                if callers[position] === caller {
                    callers.remove(at: position)
                    return
                }
                position += 1
            }
        }
    }

    /// The first position whose deadline is not after `deadline`.
    private func index(of deadline: MonotonicInstant) -> Int {
        var low = 0
        var high = callers.count
        while low < high {
            let middle = (low + high) / 2
            if callers[middle].deadline > deadline { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func run() {
        while true {
            let due: AsyncCaller? = mutex.withLock {
                while let next = callers.last {
                    if next.deadline <= .now() { return callers.removeLast() }
                    _ = changed.wait(until: next.deadline)
                }
                isRunning = false
                return nil
            }
            guard let due else { return }
            due.expire()
        }
    }
}
