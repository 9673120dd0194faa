import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals
import WorkOSEmulator

/// `workos-emulator`: the emulator on the command line.
@main
struct WorkOSEmulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workos-emulator",
        abstract: "A local stand-in for the WorkOS token refresh endpoint.",
        discussion: """
            Serves POST /user_management/authenticate (grant_type refresh_token) and GET /sso/jwks/{client_id}, \
            with single-use tokens, rate limits and faults on demand. Once it accepts connections it prints one \
            line, "workos-emulator listening on http://HOST:PORT", to standard output; the log goes to standard \
            error. SIGTERM and SIGINT stop it. Nothing is kept on disk.

            EXAMPLES
              Develop offline: give any WorkOS SDK this base URL:
                workos-emulator --port 4500          # http://127.0.0.1:4500

              Sign in, and refresh once:
                E=http://127.0.0.1:4500
                T=$(curl -s -X POST $E/_emulator/sessions | jq -r .refresh_token)
                curl -s $E/user_management/authenticate -d '{"client_id":"c",
                  "grant_type":"refresh_token","refresh_token":"'$T'"}'

              A slow upstream that forgives replays, without limits, for a storm:
                workos-emulator --delay 500 --replay-grace 10 \\
                  --user-limit off --environment-limit off

              Let the next two refreshes fail with 503, and watch:
                curl -s $E/_emulator/faults \\
                  -d '[{"kind":"status","status":503,"count":2}]'
                curl -sN $E/_emulator/events

              What was counted so far:
                curl -s $E/_emulator/stats
            """)

    @Option(help: ArgumentHelp("Port to listen on; 0 takes a free one.", valueName: "n"))
    var port = 0

    @Option(help: "Address to listen on. Other machines reach it only if this is not a loopback address.")
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("Milliseconds until a refresh takes effect and is answered.", valueName: "ms"))
    var delay = 0

    @Option(help: ArgumentHelp("Seconds for which a spent token is still accepted.", valueName: "s"))
    var replayGrace: Double = 0

    @Option(
        name: .customLong("access-token-ttl"),
        help: ArgumentHelp("Lifetime of access tokens.", valueName: "s"))
    var accessTokenLifetime = 300

    @Option(
        help: ArgumentHelp(
            "The only client id accepted; else WORKOS_CLIENT_ID, else any is accepted.", valueName: "id"))
    var clientID: String?

    @Option(
        help: ArgumentHelp(
            "The only API key accepted; else WORKOS_API_KEY, else any is accepted, and none. Command lines can be "
                + "read by other users: prefer the variable.",
            valueName: "key"))
    var apiKey: String?

    @Option(help: ArgumentHelp("Refreshes per user: N/SECONDS, or off.", valueName: "limit"))
    var userLimit = LimitArgument(limit: RateLimit(count: 10, seconds: 60))

    @Option(help: ArgumentHelp("Refreshes of all users: N/SECONDS, or off.", valueName: "limit"))
    var environmentLimit = LimitArgument(limit: RateLimit(count: 500, seconds: 10))

    @Option(
        help: ArgumentHelp(
            "Retry-After when a limit is met; by default the seconds until there is room.", valueName: "s"))
    var retryAfter: Int?

    @Option(
        help: ArgumentHelp("Issuer of the access tokens; by default the emulator's URL.", valueName: "url"))
    var issuer: String?

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical (default: notice).", valueName: "level"),
        transform: Self.level)
    var logLevel: Logger.Level = .notice

    func validate() throws {
        try check(port, "--port", in: 0...65_535)
        try check(delay, "--delay", in: 0...3_600_000)
        try check(accessTokenLifetime, "--access-token-ttl", in: 1...31_536_000)
        if let retryAfter { try check(retryAfter, "--retry-after", in: 0...86_400) }
        guard (0...86_400).contains(replayGrace) else {
            throw ValidationError("--replay-grace must be from 0 to 86400.")
        }
    }

    @Sendable
    private static func level(_ name: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: name) else {
            throw ValidationError("there is no log level \"\(name)\".")
        }
        return level
    }

    private func check(_ value: Int, _ name: String, in range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw ValidationError("\(name) must be from \(range.lowerBound) to \(range.upperBound).")
        }
    }

    func run() async throws {
        var logger = Logger(label: "workos-emulator") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel
        let emulator = Emulator(configuration: emulatorConfiguration, logger: logger) { baseURL in
            // Unbuffered: a parent that reads a pipe waits for this line.
            try? FileHandle.standardOutput.write(
                contentsOf: Data("workos-emulator listening on \(baseURL)\n".utf8))
        }
        var group = ServiceGroupConfiguration(
            services: [emulator], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(5)
        do {
            try await ServiceGroup(configuration: group).run()
        } catch {
            logger.error("cannot serve on \(host):\(port): \(error)")
            throw ExitCode.failure
        }
    }

    private var emulatorConfiguration: Emulator.Configuration {
        let environment = ProcessInfo.processInfo.environment
        var configuration = Emulator.Configuration()
        configuration.host = host
        configuration.port = port
        configuration.issuer = issuer
        configuration.settings.delay = .milliseconds(delay)
        configuration.settings.replayGrace = .seconds(replayGrace)
        configuration.settings.accessTokenLifetime = .seconds(accessTokenLifetime)
        configuration.settings.userLimit = userLimit.limit
        configuration.settings.environmentLimit = environmentLimit.limit
        configuration.settings.retryAfter = retryAfter
        configuration.settings.clientID = Self.given(clientID, environment["WORKOS_CLIENT_ID"])
        configuration.settings.apiKey = Self.given(apiKey, environment["WORKOS_API_KEY"])
        return configuration
    }

    private static func given(_ option: String?, _ variable: String?) -> String? {
        (option ?? variable).flatMap { $0.isEmpty ? nil : $0 }
    }
}
