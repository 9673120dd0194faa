import CLinux
import Glibc

/// A pthread mutex within one process, with condition variables that wait until an absolute deadline.
///
/// `Synchronization.Mutex` is not used in this library: touched before a fork and contended in the child it ends
/// the process. A mutex of this type belongs to the process that made it; what a forked child inherits may be
/// locked for ever and is abandoned, never locked (see ``ForkLocal``).
@safe public final class TimedMutex: @unchecked Sendable {
    fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// Makes an unlocked mutex.
    public init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the mutex held. `body` is short: it neither waits nor makes system calls.
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }

    @usableFromInline
    func lock() {
        unsafe _ = clinux_mutex_lock(mutex)
    }

    @usableFromInline
    func unlock() {
        unsafe _ = pthread_mutex_unlock(mutex)
    }

    /// A condition variable of this mutex.
    @safe public final class Condition: @unchecked Sendable {
        private let owner: TimedMutex
        private let condition: UnsafeMutablePointer<pthread_cond_t>

        /// Makes a condition whose waits release and retake `mutex`.
        public init(of mutex: TimedMutex) {
            owner = mutex
            unsafe condition = .allocate(capacity: 1)
            unsafe condition.initialize(to: pthread_cond_t())
            unsafe pthread_cond_init(condition, nil)
        }

        deinit {
            unsafe pthread_cond_destroy(condition)
            unsafe condition.deallocate()
        }

        /// Releases the mutex, which the caller holds, and waits; spurious wake-ups happen.
        ///
        /// - Returns: false once `deadline` has passed.
        public func wait(until deadline: MonotonicInstant) -> Bool {
            var time = deadline.timespec
            return unsafe clinux_cond_wait_until(condition, owner.mutex, &time) != ETIMEDOUT
        }

        /// Wakes one waiter.
        public func signal() {
            unsafe _ = pthread_cond_signal(condition)
        }

        /// Wakes every waiter.
        public func broadcast() {
            unsafe _ = pthread_cond_broadcast(condition)
        }
    }
}
