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
    case tokenEndpoint = "token-endpoint"
    case tokenClientID = "token-client-id"
    case tokenSecretFile = "token-secret-file"
    case tokenAuthentication = "token-authentication"
    case caFile = "ca-file"
    case operatorsOnLoopback = "operators-on-loopback"
    case directory
    case sweepInterval = "sweep-interval"
    case logLevel = "log-level"
}
