import Synchronization

/// Answers fetches of the key set as a test decides, and counts them.
package final class KeySetScript: Sendable {
    private let state: Mutex<(answer: @Sendable () async throws -> [UInt8], count: Int)>

    package init(_ answer: @escaping @Sendable () async throws -> [UInt8]) { state = Mutex((answer, 0)) }

    package var count: Int { state.withLock { $0.count } }

    package func answer(_ answer: @escaping @Sendable () async throws -> [UInt8]) {
        state.withLock { $0.answer = answer }
    }

    package func fetch() async throws -> [UInt8] {
        let answer = state.withLock { state in
            state.count += 1
            return state.answer
        }
        return try await answer()
    }
}
