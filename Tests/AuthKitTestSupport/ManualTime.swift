package import AuthKit
import Foundation
import Synchronization

/// Clocks that stand still until a test moves them.
package final class ManualTime: Sendable {
    package static let start = 1_700_000_000
    private let moved = Mutex(Duration.zero)

    package func advance(by duration: Duration) { moved.withLock { $0 += duration } }

    package var source: TimeSource {
        TimeSource(
            date: { Date(timeIntervalSince1970: Double(Self.start) + self.moved.withLock { $0 } / .seconds(1)) },
            elapsed: { .seconds(50) + self.moved.withLock { $0 } })
    }
}
