import Glibc
import Logging

/// The daemon's log: standard error, one line an event, in one write(2).
///
/// Where standard error leads to the journal (`JOURNAL_STREAM` in systemd.exec(5)), each line begins with its level as
/// `<N>` (sd-daemon(3)), and has no time of its own, which the journal adds; elsewhere time and level come in words.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level
    let form: Form

    /// What stands before the message.
    enum Form: Sendable {
        case journal
        case words
    }

    /// The logger of a process with this environment.
    static func logger(level: Logger.Level, _ environment: [String: String]) -> Logger {
        let leadsToJournal = leadsToJournal(STDERR_FILENO, environment["JOURNAL_STREAM"])
        return Logger(label: "refreshd") { _ in
            StandardErrorLog(logLevel: level, form: leadsToJournal ? .journal : .words)
        }
    }

    /// Whether a descriptor is the stream that the variable names by device and inode.
    static func leadsToJournal(_ descriptor: Int32, _ variable: String?) -> Bool {
        var status = stat()
        guard let variable, unsafe fstat(descriptor, &status) == 0 else { return false }
        return variable == "\(status.st_dev):\(status.st_ino)"
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        var line = Self.line(event.level, "\(event.message)", all, form, at: time(nil))
        _ = line.withUTF8 { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// One line with its end.
    static func line(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, _ form: Form, at time: time_t
    ) -> String {
        var line: String
        switch form {
        case .journal: line = "<\(level.priority)>"
        case .words: line = "\(timestamp(time)) \(level) refreshd: "
        }
        append(message, to: &line)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)="
            append("\(value)", to: &line)
        }
        return line + "\n"
    }

    /// What would end a line or drive a terminal is escaped: some of it comes from the network.
    private static func append(_ text: String, to line: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
    }

    /// In UTC, to the second (RFC 3339).
    private static func timestamp(_ instant: time_t) -> String {
        var instant = instant
        var parts = unsafe tm()
        unsafe _ = gmtime_r(&instant, &parts)
        let date = unsafe [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday]
        let time = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec]
        func text(_ numbers: [Int32], _ separator: String) -> String {
            numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: separator)
        }
        return "\(text(date, "-"))T\(text(time, ":"))Z"
    }
}

extension Logger.Level {
    /// The number of syslog(3).
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
