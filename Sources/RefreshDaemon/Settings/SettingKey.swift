/// A setting, under the name that it has everywhere: `--NAME` on the command line, `REFRESHD_NAME` with underscores in the
/// environment, `"NAME"` in the file.
enum SettingKey: String, CaseIterable, Sendable {
    case listen
    case socketMode = "socket-mode"
    case socketGroup = "socket-group"
    case upstream
    case clientID = "client-id"
    case apiKeyFile = "api-key-file"
    case publicClient = "public-client"
    case caFile = "ca-file"
    case operatorsOnLoopback = "operators-on-loopback"
    case directory
    case sweepInterval = "sweep-interval"
    case logLevel = "log-level"
}
