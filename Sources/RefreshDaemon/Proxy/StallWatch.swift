import ProcessSupport
import Synchronization

/// Notices an upstream that neither takes more of a body that is there for it nor answers. Thread-safe.
///
/// What it does not take, nobody reads from the client, who is not to blame then; and whoever writes to its connection
/// waits, without a limit, for that to have room.
final class StallWatch: Sendable {
    private let patience: Duration
    /// Since when it is the upstream's turn.
    private let since = Mutex<MonotonicInstant?>(nil)

    /// - Parameter patience: How long the upstream may do neither.
    init(patience: Duration) {
        self.patience = patience
    }

    /// Notes that the upstream has something to take, or to go on with.
    func awaitsUpstream() { since.withLock { $0 = .now() } }

    /// Notes that it does not: what comes next is the client's to send or to take.
    func awaitsClient() { since.withLock { $0 = nil } }

    /// Returns when the upstream's turn took too long.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before.
    func expiry() async throws {
        while true {
            let spent = since.withLock { $0 }.map { $0.duration(to: .now()) } ?? .zero
            if spent >= patience { return }
            try await Task.sleep(for: patience - spent)
        }
    }
}
