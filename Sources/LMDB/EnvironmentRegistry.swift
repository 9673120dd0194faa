import ProcessSupport

/// The environments this process has open; one per file, whatever paths lead to it.
final class EnvironmentRegistry: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let openingEnded: TimedMutex.Condition
    /// Guarded by `mutex`. Also keeps what was removed from its path: see ``Environment``.
    private var byIdentity: [FileStatus.Identity: Environment] = [:]
    /// Guarded by `mutex`.
    private var byPath: [String: Environment] = [:]
    /// Guarded by `mutex`: whether a thread is opening. One at a time: two openings of one file would be two too many.
    private var isOpening = false

    init() {
        openingEnded = TimedMutex.Condition(of: mutex)
    }

    func environment(
        _ options: EnvironmentOptions, deadline: MonotonicInstant
    ) throws(EnvironmentError) -> Environment {
        if let known = mutex.withLock({ byPath[options.path] }), known.isCurrent { return known }
        try mutex.withLock { () throws(EnvironmentError) in
            while isOpening {
                if !openingEnded.wait(until: deadline) {
                    throw .timedOut(waitingFor: "another thread that is opening \(options.path)")
                }
            }
            isOpening = true
        }
        defer {
            mutex.withLock { isOpening = false }
            openingEnded.broadcast()
        }
        // Somebody may have opened it while we waited.
        if let known = mutex.withLock({ byPath[options.path] }), known.isCurrent { return known }
        let opening = EnvironmentOpening(options: options, deadline: deadline)
        let opened = try opening.run { identity in mutex.withLock { byIdentity[identity] } }
        mutex.withLock {
            byIdentity[opened.identity] = opened
            byPath[options.path] = opened
        }
        return opened
    }
}
