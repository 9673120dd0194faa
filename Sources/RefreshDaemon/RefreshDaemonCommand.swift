import ArgumentParser
import Configuration
import Foundation
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
        abstract: "Refreshes tokens for HTTP callers, and keeps a lease table tidy.",
        discussion: """
            With --listen it serves the upstream's API: a refresh is made once however many callers ask, here or in \
            workers that link the library, and everything else is passed through. Without, it only keeps the table \
            tidy: removes expired records, the slots of readers that were killed, and orphaned wake pipes. Workers \
            need neither: they keep every guarantee alone. It logs to standard error, runs in the foreground, tells a \
            service manager how it is doing (sd_notify), reads its configuration again on SIGHUP, and stops on SIGTERM \
            and SIGINT.

            Every option can also stand in the environment (--client-id as REFRESHD_CLIENT_ID) and in the file that \
            --config names, a JSON object ("client-id"). The command line counts before the environment, and that \
            before the file.

            The directory is --directory, else REFRESHD_DIRECTORY, else the file's, else /run/refreshd where that \
            exists, else $XDG_RUNTIME_DIR/refreshd, else /dev/shm/refreshd-UID.

            EXAMPLES
              For a directory of its own, watching every removal:
                refreshd --directory /run/refreshd --log-level debug

              For callers that change a URL only:
                refreshd --listen unix:/run/refreshd-http/socket --listen tcp:127.0.0.1:4080 \\
                  --client-id client_01 --api-key-file /etc/refreshd/api-key

              What is in force, and where it came from:
                refreshd --config /etc/refreshd/config.json --print-config

              As a service, see systemd/refreshd.service:
                systemctl enable --now refreshd

            EXIT CODES
               0  stopped by SIGTERM or SIGINT; the configuration was shown or is right
              64  wrong command line
              70  an internal error
              71  a socket cannot be opened
              75  timed out waiting for another process, or no room: try again
              78  the configuration or the directory cannot be used; the message names the remedy
            """)

    @Option(
        help: ArgumentHelp(
            "unix:PATH, or tcp:127.0.0.1:PORT; may be given again.", valueName: "address"))
    var listen: [String] = []

    @Option(help: ArgumentHelp("Mode of Unix sockets (default: 0660).", valueName: "mode"))
    var socketMode: String?

    @Option(help: ArgumentHelp("Group of Unix sockets.", valueName: "name"))
    var socketGroup: String?

    @Option(help: ArgumentHelp("The upstream's base URL (default: https://api.workos.com).", valueName: "url"))
    var upstream: String?

    @Option(help: ArgumentHelp("The OAuth client that is refreshed for.", valueName: "id"))
    var clientID: String?

    @Option(
        help: ArgumentHelp(
            "The file with the API key, mode 0600; otherwise the credential workos-api-key.", valueName: "file"))
    var apiKeyFile: String?

    @Flag(help: "The client has no API key.")
    var publicClient = false

    @Option(
        help: ArgumentHelp("Another OAuth 2 provider's token endpoint, served at /oauth2/token.", valueName: "url"))
    var tokenEndpoint: String?

    @Option(help: ArgumentHelp("The client that is refreshed for there.", valueName: "id"))
    var tokenClientID: String?

    @Option(help: ArgumentHelp("The file with its secret, mode 0600; none for a public client.", valueName: "file"))
    var tokenSecretFile: String?

    @Option(
        help: ArgumentHelp("How the secret is presented there: basic or post (default: basic).", valueName: "way"))
    var tokenAuthentication: String?

    @Option(help: ArgumentHelp("PEM certificates to trust instead of the system's.", valueName: "file"))
    var caFile: String?

    @Flag(help: "Answer operators (/, /metrics, /v1/leases and so on) over TCP, too, not on Unix sockets only.")
    var operatorsOnLoopback = false

    @Option(help: ArgumentHelp("The table's directory.", valueName: "dir"))
    var directory: String?

    @Option(help: ArgumentHelp("The pause between two rounds, from 0.05 to 3600 (default: 5).", valueName: "seconds"))
    var sweepInterval: Double?

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical (default: info).", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("A JSON file with settings; else REFRESHD_CONFIG.", valueName: "file"))
    var config: String?

    @Flag(help: "Say what is wrong with the configuration, and end.")
    var checkConfig = false

    @Flag(help: "Show the settings in force and where each came from, and end.")
    var printConfig = false

    func validate() throws {
        if directory?.isEmpty == true { throw ValidationError("--directory must not be empty.") }
        if let sweepInterval, !(0.05...3600).contains(sweepInterval) {
            throw ValidationError("--sweep-interval must be from 0.05 to 3600.")
        }
        if let logLevel, Logger.Level(rawValue: logLevel) == nil {
            throw ValidationError("there is no log level \"\(logLevel)\".")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let settings = try settings(environment)
        if checkConfig || printConfig { return }
        let logger = StandardErrorLog.logger(level: settings.logLevel, environment)
        let daemon = try Daemon(settings: settings, environment: environment, logger: logger) {
            try self.settings(environment)
        }
        try await daemon.run()
    }

    /// Reads the settings; says what is wrong with them, and shows them where that was asked for.
    private func settings(_ environment: [String: String]) throws -> DaemonSettings {
        var sources: [SettingsSource] = [.commandLine(given), .environment(environment)]
        if let path = config ?? environment["REFRESHD_CONFIG"], !path.isEmpty {
            do throws(SettingsSource.Unusable) {
                sources.append(try .file(path))
            } catch {
                throw Self.misconfigured([error.description])
            }
        }
        var reader = SettingsReader(sources)
        let settings = DaemonSettings(
            from: &reader, isActivated: HandedOverSockets.count(environment) > 0,
            credentials: environment["CREDENTIALS_DIRECTORY"])
        if printConfig { print(Self.shown(reader), terminator: "") }
        guard let settings else { throw Self.misconfigured(reader.problems) }
        if checkConfig { print("the configuration is right") }
        return settings
    }

    /// The options that were given.
    private var given: [SettingKey: ConfigContent] {
        var values: [SettingKey: ConfigContent] = [:]
        let texts: [(SettingKey, String?)] = [
            (.socketMode, socketMode), (.socketGroup, socketGroup), (.upstream, upstream), (.clientID, clientID),
            (.apiKeyFile, apiKeyFile), (.tokenEndpoint, tokenEndpoint), (.tokenClientID, tokenClientID),
            (.tokenSecretFile, tokenSecretFile), (.tokenAuthentication, tokenAuthentication), (.caFile, caFile),
            (.directory, directory), (.logLevel, logLevel),
        ]
        for (key, text) in texts { values[key] = text.map { .string($0) } }
        if !listen.isEmpty { values[.listen] = .stringArray(listen) }
        if publicClient { values[.publicClient] = .bool(true) }
        if operatorsOnLoopback { values[.operatorsOnLoopback] = .bool(true) }
        values[.sweepInterval] = sweepInterval.map { .double($0) }
        return values
    }

    private static func shown(_ reader: SettingsReader) -> String {
        reader.effective.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.key.rawValue) = \($0.value)  (\($0.origin))\n" }.joined()
    }

    private static func misconfigured(_ problems: [String]) -> ExitCode {
        for problem in problems {
            FileHandle.standardError.write(Data("refreshd: \(problem)\n".utf8))
        }
        return DaemonExit.misconfigured.exitCode
    }
}
