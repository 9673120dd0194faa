import LeaseTable
import Logging
import ProcessSupport
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Everything that runs, and what ends it.
struct Daemon {
    private let services: [any Service]
    private let logger: Logger

    /// Puts the services together; opens nothing yet but what was handed over.
    ///
    /// - Throws: The exit code where that cannot be used.
    init(
        settings: DaemonSettings, environment: [String: String], logger: Logger,
        reread: @escaping @Sendable () throws -> DaemonSettings
    ) throws {
        self.logger = logger
        var configuration = DaemonConfiguration()
        configuration.sweepInterval = settings.sweepInterval
        configuration.table.logger = logger
        configuration.table.directory = settings.directory
        let directory = TableDirectory.choose(named: settings.directory)
        let notify = Self.notification(environment["NOTIFY_SOCKET"], logger)
        let readiness = Readiness(parts: settings.service == nil ? 2 : 3) { notify(.ready) }
        let reloading = Reloading(logger: logger, reread)
        var services: [any Service] = [
            Housekeeping(
                configuration: configuration, directory: directory, logger: logger, onReady: readiness.part)
        ]
        if let service = settings.service {
            let sockets: [ListeningSocket]
            do throws(SystemCallError) {
                sockets = try HandedOverSockets.take(environment)
            } catch {
                logger.error("\(error)")
                throw DaemonExit.cannotListen.exitCode
            }
            services.append(
                SidecarService(
                    settings: service, table: configuration.table, sockets: sockets, limits: ServerLimits(),
                    reloading: reloading, logger: logger, onReady: readiness.part))
        }
        // Stopped in the opposite order: the manager hears of the stop first, the table is left last.
        services.append(
            ServiceManagerLink(
                watchdogInterval: ServiceManagerLink.interval(environment), notify: notify, onReady: readiness.part,
                reload: { reloading.reload() }))
        self.services = services
    }

    /// Runs until a signal.
    ///
    /// - Throws: The exit code where something else ends it.
    func run() async throws {
        // What ends a service is said below, once; the group would say it again in its own words.
        let silent = Logger(label: "refreshd") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: silent))
        do {
            try await group.run()
        } catch {
            logger.error("\(error)")
            throw DaemonExit(error).exitCode
        }
    }

    /// Tells the service manager, if there is one; that it cannot be told is logged and no reason to stop.
    private static func notification(
        _ address: String?, _ logger: Logger
    ) -> @Sendable (ServiceNotifier.State) -> Void {
        let notifier = ServiceNotifier(address: address)
        return { state in
            do throws(SystemCallError) {
                try notifier?.notify(state)
            } catch {
                logger.warning("cannot tell the service manager \(state.message): \(error)")
            }
        }
    }
}

/// Says once, when the last part is ready, that all are. Thread-safe.
private final class Readiness: Sendable {
    private let missing: Mutex<Int>
    private let then: @Sendable () -> Void

    init(parts: Int, _ then: @escaping @Sendable () -> Void) {
        missing = Mutex(parts)
        self.then = then
    }

    @Sendable func part() {
        let isLast = missing.withLock { missing in
            missing -= 1
            return missing == 0
        }
        if isLast { then() }
    }
}
