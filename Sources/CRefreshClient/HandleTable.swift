import ProcessSupport

/// What was handed out to C under numbers, by this process: a forked child has none of its parent's.
///
/// Numbers are never used twice, and every process begins at a random one, so that a stale or invented number is found
/// out. Thread-safe.
final class HandleTable<Value: Sendable>: @unchecked Sendable {
    private let mutex = TimedMutex()
    /// Guarded by `mutex`.
    private var values: [UInt64: Value] = [:]
    /// Guarded by `mutex`.
    private var next: UInt64

    init() {
        var random = SystemRandomNumberGenerator()
        next = random.next(upperBound: 1 << 62) + 1
    }

    /// Gives out a number.
    func insert(_ value: Value) -> UInt64 {
        mutex.withLock {
            next += 1
            values[next] = value
            return next
        }
    }

    /// What has this number.
    func value(of handle: UInt64) -> Value? {
        mutex.withLock { values[handle] }
    }

    /// The same, and takes it out: of several threads one gets it.
    func take(_ handle: UInt64) -> Value? {
        mutex.withLock { values.removeValue(forKey: handle) }
    }

    /// Puts back what was taken.
    func restore(_ value: Value, as handle: UInt64) {
        mutex.withLock { values[handle] = value }
    }
}
