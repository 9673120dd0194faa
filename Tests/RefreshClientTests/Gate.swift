import ProcessSupport
import Testing

/// Opened once; who comes before waits. A test that would wait for ever fails instead.
final class Gate: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    private var isOpen = false

    init() { changed = TimedMutex.Condition(of: mutex) }

    func open() {
        mutex.withLock { isOpen = true }
        changed.broadcast()
    }

    /// False where nobody opened it within `limit`.
    @discardableResult
    func wait(limit: Duration = .seconds(15)) -> Bool {
        let deadline = MonotonicInstant.now().advanced(by: limit)
        return mutex.withLock {
            while !isOpen { if !changed.wait(until: deadline) { return isOpen } }
            return true
        }
    }
}

/// A value that threads change and wait for.
final class Watched<Value: Sendable>: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    private var stored: Value

    init(_ value: Value) {
        stored = value
        changed = TimedMutex.Condition(of: mutex)
    }

    var value: Value { mutex.withLock { stored } }

    @discardableResult
    func update<Result>(_ body: (inout Value) -> Result) -> Result {
        let result = mutex.withLock { body(&stored) }
        changed.broadcast()
        return result
    }

    /// Waits until the value is as wished; false where it never was within `limit`.
    @discardableResult
    func wait(limit: Duration = .seconds(15), until isAsWished: (Value) -> Bool) -> Bool {
        let deadline = MonotonicInstant.now().advanced(by: limit)
        return mutex.withLock {
            while !isAsWished(stored) { if !changed.wait(until: deadline) { return isAsWished(stored) } }
            return true
        }
    }
}

/// Runs `body` on a thread of its own; the result can be waited for.
final class Background<Value: Sendable>: Sendable {
    private let result = Watched<Value?>(nil)

    init(_ body: @escaping @Sendable () -> Value) throws {
        let result = result
        try LibraryThread.start {
            let value = body()
            result.update { $0 = value }
        }
    }

    var isDone: Bool { result.value != nil }

    func get(limit: Duration = .seconds(20), _ location: SourceLocation = #_sourceLocation) throws -> Value {
        result.wait(limit: limit) { $0 != nil }
        return try #require(result.value, "a thread did not end in time", sourceLocation: location)
    }

    /// From asynchronous tests: suspends instead of blocking.
    func get() async throws -> Value {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(20)
        while result.value == nil, clock.now < end { try await Task.sleep(for: .milliseconds(2)) }
        return try #require(result.value, "a thread did not end in time")
    }
}
