import NIOCore
import Synchronization

/// A connection between its acceptance and whoever serves it.
///
/// A stop may come in between: the listener's sequence ends, and drops what it has not handed over. A connection that is
/// dropped so is closed in order here, since an unfinished writer of NIO's ends the process. Thread-safe.
final class AcceptedConnection: Sendable {
    private let parts: HTTPConnection.Parts
    private let isTaken = Atomic(false)

    init(_ parts: HTTPConnection.Parts) { self.parts = parts }

    deinit {
        guard !isTaken.load(ordering: .acquiring) else { return }
        // By name, so that the task keeps the parts and not this.
        let parts = parts
        Task { try? await parts.executeThenClose { _, _ in } }
    }

    /// The connection, for whoever serves it from now on.
    func take() -> HTTPConnection.Parts {
        isTaken.store(true, ordering: .releasing)
        return parts
    }
}
