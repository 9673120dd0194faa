import ArgumentParser
import Glibc
import LeaseTable
import Logging
import ProcessSupport
import ServiceLifecycle
import UnixSignals

/// `refreshd`: the daemon on the command line.
@main
struct RefreshDaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refreshd",
        abstract: "Keeps a lease table tidy.",
        discussion: """
            Removes expired records, the slots of readers that were killed, and orphaned wake pipes. Workers do not \
            need it: they keep every guarantee alone. It opens the table as they do, makes it where it is missing, and \
            opens it anew if the directory is removed. It logs to standard error, runs in the foreground, tells a \
            service manager when it is ready (sd_notify), and stops on SIGTERM and SIGINT.

            The directory is --directory, else REFRESHD_DIRECTORY, else /run/refreshd where that exists, else \
            $XDG_RUNTIME_DIR/refreshd, else /dev/shm/refreshd-UID.

            EXAMPLES
              For the workers of this user:
                refreshd

              For a directory of its own, watching every removal:
                refreshd --directory /run/refreshd --log-level info

              As a service, see systemd/refreshd.service:
                systemctl enable --now refreshd

            EXIT CODES
               0  stopped by SIGTERM or SIGINT
              64  wrong command line
              70  an internal error
              75  timed out waiting for another process, or no room: try again
              78  the directory cannot be used; the message names the remedy
            """)

    @Option(help: ArgumentHelp("The table's directory.", valueName: "dir"))
    var directory: String?

    @Option(help: ArgumentHelp("The pause between two rounds, from 0.05 to 3600.", valueName: "seconds"))
    var sweepInterval = DaemonConfiguration().sweepInterval / .seconds(1)

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical (default: notice).", valueName: "level"),
        transform: Self.level)
    var logLevel: Logger.Level = .notice

    func validate() throws {
        if directory?.isEmpty == true { throw ValidationError("--directory must not be empty.") }
        guard (0.05...3600).contains(sweepInterval) else {
            throw ValidationError("--sweep-interval must be from 0.05 to 3600.")
        }
    }

    @Sendable
    private static func level(_ name: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: name) else {
            throw ValidationError("there is no log level \"\(name)\".")
        }
        return level
    }

    func run() async throws {
        var logger = Logger(label: "refreshd") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel
        var configuration = DaemonConfiguration()
        configuration.sweepInterval = .seconds(sweepInterval)
        configuration.table.logger = logger
        let notify = Self.notification(logger)
        let housekeeping = Housekeeping(
            configuration: configuration, directory: .choose(named: directory), logger: logger,
            onReady: { notify(.ready) }, onStopping: { notify(.stopping) })
        // What ends a service is said below, once; the group would say it again in its own words.
        let silent = Logger(label: "refreshd") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [housekeeping], gracefulShutdownSignals: [.sigterm, .sigint], logger: silent))
        do {
            try await group.run()
        } catch {
            logger.error("\(error)")
            throw DaemonExit(error).exitCode
        }
    }

    /// Tells the service manager, if there is one; that it cannot be told is logged and no reason to stop.
    private static func notification(_ logger: Logger) -> @Sendable (ServiceNotifier.State) -> Void {
        let address = unsafe getenv("NOTIFY_SOCKET").map { unsafe String(cString: $0) }
        let notifier = ServiceNotifier(address: address)
        return { state in
            do throws(SystemCallError) {
                try notifier?.notify(state)
            } catch {
                logger.warning("cannot tell the service manager \(state.rawValue): \(error)")
            }
        }
    }
}
