import Glibc
import Logging
import NIOCore
import NIOPosix
import ProcessSupport
import ServiceLifecycle
import UnixSignals

/// What the service manager hears of us while we run (sd_notify(3)): that we live, that a reload is over, that a stop has
/// begun. It also hears of nothing, where there is no manager.
struct ServiceManagerLink: Service {
    /// How often the manager wants to hear from us; `nil` where it does not.
    let watchdogInterval: Duration?
    /// What must turn for us to be alive.
    var eventLoops: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    let notify: @Sendable (ServiceNotifier.State) -> Void
    /// Called once, when a signal can no longer end us by surprise.
    let onReady: @Sendable () -> Void
    /// Reads the configuration again; what was wrong with it is logged there.
    let reload: @Sendable () async -> Void

    /// The interval of `WATCHDOG_USEC`, if it is for this process (sd_watchdog_enabled(3)).
    static func interval(_ environment: [String: String]) -> Duration? {
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), microseconds > 0,
            environment["WATCHDOG_PID"].map({ pid_t($0) == getpid() }) ?? true
        else { return nil }
        return .microseconds(microseconds)
    }

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        onReady()
        await withTaskGroup(of: Void.self) { group in
            if let watchdogInterval { group.addTask { await keepAlive(every: watchdogInterval / 2) } }
            group.addTask { await reload(on: signals) }
            try? await gracefulShutdown()
            notify(.stopping)
            group.cancelAll()
        }
    }

    /// Says so only where an event loop and the thread pool of tasks still turn: what is stuck is to be started anew.
    private func keepAlive(every interval: Duration) async {
        while !Task.isCancelled {
            if (try? await eventLoops.any().submit({}).get()) != nil { notify(.watchdog) }
            try? await Task.sleep(for: interval)
        }
    }

    private func reload(on signals: UnixSignalsSequence) async {
        for await _ in signals.cancelOnGracefulShutdown() {
            notify(.reloading(at: .now()))
            await reload()
            notify(.ready)
        }
    }
}
