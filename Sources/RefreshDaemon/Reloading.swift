import Logging
import Synchronization

/// Puts settings in force that were read again: the upstream and the client, its key above all. Sockets, the directory and
/// what belongs to them stay as they were at the start, and so does a key that the service manager handed over: it copies
/// credentials when it starts a service, and never again. Thread-safe.
final class Reloading: Sendable {
    private let apply = Mutex<(@Sendable (DaemonSettings.Service) throws -> Void)?>(nil)
    private let read: @Sendable () throws -> DaemonSettings
    private let logger: Logger

    /// - Parameter read: Reads the settings again; it says itself what is wrong with them.
    init(logger: Logger, _ read: @escaping @Sendable () throws -> DaemonSettings) {
        self.logger = logger
        self.read = read
    }

    /// Sets what takes new settings.
    func begin(_ apply: @escaping @Sendable (DaemonSettings.Service) throws -> Void) {
        self.apply.withLock { $0 = apply }
    }

    /// Reads again, and puts in force what is right; what is wrong is said, and everything stays as it was.
    func reload() {
        do {
            let settings = try read()
            switch (apply.withLock { $0 }, settings.service) {
            case (let apply?, let service?): try apply(service)
            case (nil, nil): break
            default:
                return logger.error(
                    "serving begins and ends with a restart only: the former configuration is still in force")
            }
            logger.notice("configuration read again")
        } catch {
            logger.error("the configuration was not read again, the former one is still in force")
        }
    }
}
