import Logging
import RefreshClient

/// Everything that was logged, at every level, with its metadata.
final class CapturedLog: Sendable {
    private let kept = Watched<[String]>([])

    var lines: [String] { kept.value }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(kept: self.kept) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let kept: Watched<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.level) \(event.message) \(event.metadata ?? [:]) \(metadata)"
            kept.update { $0.append(line) }
        }
    }
}
