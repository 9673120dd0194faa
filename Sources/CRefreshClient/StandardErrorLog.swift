import Glibc
import Logging

/// Writes what an operator should know to standard error, a line each, in one write(2). Has no state: safe in threads and
/// forked children. swift-log's global system is the program's own and stays untouched.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level

    /// A logger by the number that the header has for its level; 0 is silence.
    static func logger(level: Int64) -> Logger {
        let levels: [Logger.Level] = [.error, .warning, .notice, .info]
        guard level > 0, level <= levels.count else {
            return Logger(label: "refreshclient") { _ in SwiftLogNoOpLogHandler() }
        }
        return Logger(label: "refreshclient") { _ in StandardErrorLog(logLevel: levels[Int(level) - 1]) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "refreshclient[\(getpid())]: \(event.level): \(event.message)"
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        line += "\n"
        _ = line.withUTF8 { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
