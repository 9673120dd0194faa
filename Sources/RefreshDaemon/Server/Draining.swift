import NIOCore
import Synchronization

/// The connections of a server, and whether it is about to stop. Thread-safe.
final class Draining: Sendable {
    private struct State {
        var isStopping = false
        var isIdle: [ObjectIdentifier: (channel: any Channel, idle: Bool)] = [:]
    }

    private let state = Mutex(State())

    /// Whether a stop has begun.
    var hasBegun: Bool { state.withLock { $0.isStopping } }

    /// How many connections there are.
    var connections: Int { state.withLock { $0.isIdle.count } }

    /// Enters a connection; false where it is too late for it.
    func enter(_ channel: any Channel) -> Bool {
        state.withLock { state in
            if !state.isStopping { state.isIdle[ObjectIdentifier(channel)] = (channel, true) }
            return !state.isStopping
        }
    }

    /// Takes it out again.
    func leave(_ channel: any Channel) {
        state.withLock { _ = $0.isIdle.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// Notes whether a request is being answered; false where the connection is to be closed instead of waiting on.
    func mark(_ channel: any Channel, idle: Bool) -> Bool {
        state.withLock { state in
            state.isIdle[ObjectIdentifier(channel)]?.idle = idle
            return !(state.isStopping && idle)
        }
    }

    /// Begins: idle connections are closed now, the others after their answer.
    func begin() {
        let idle = state.withLock { state in
            state.isStopping = true
            return state.isIdle.values.filter(\.idle).map(\.channel)
        }
        for channel in idle { channel.close(promise: nil) }
    }

    /// Closes what is left.
    func closeAll() {
        for channel in state.withLock({ $0.isIdle.values.map(\.channel) }) { channel.close(promise: nil) }
    }
}
