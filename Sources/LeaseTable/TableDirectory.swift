import Glibc

/// Which directory the table lives in.
public struct TableDirectory: Sendable, Hashable, CustomStringConvertible {
    /// Why this one.
    public enum Reason: String, Sendable {
        /// It was named by the caller.
        case named = "named explicitly"
        /// It was named by `REFRESHD_DIRECTORY`.
        case environment = "from REFRESHD_DIRECTORY"
        /// The service's directory exists.
        case service = "the service's directory"
        /// The login's runtime directory.
        case login = "from XDG_RUNTIME_DIR"
        /// Shared memory.
        case sharedMemory = "the default"
    }

    /// The path.
    public let path: String
    /// Why.
    public let reason: Reason

    /// Chooses, in this order: `named`; the environment variable `REFRESHD_DIRECTORY`; `/run/refreshd` where it
    /// exists; `$XDG_RUNTIME_DIR/refreshd`; `/dev/shm/refreshd-UID`. Empty strings count as absent.
    public static func choose(named: String?) -> TableDirectory {
        if let named, !named.isEmpty { return TableDirectory(path: named, reason: .named) }
        if let path = variable("REFRESHD_DIRECTORY") { return TableDirectory(path: path, reason: .environment) }
        let service = "/run/refreshd"
        if unsafe access(service, F_OK) == 0 { return TableDirectory(path: service, reason: .service) }
        if let runtime = variable("XDG_RUNTIME_DIR") {
            return TableDirectory(path: "\(runtime)/refreshd", reason: .login)
        }
        return TableDirectory(path: "/dev/shm/refreshd-\(geteuid())", reason: .sharedMemory)
    }

    /// Path and reason.
    public var description: String { "\(path) (\(reason.rawValue))" }

    private static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }
}
