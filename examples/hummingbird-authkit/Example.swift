import ArgumentParser
import AuthKit
import AuthKitMiddleware
import FoundationEssentials
import Hummingbird
import LeaseTable
import Logging
import ServiceLifecycle
import UnixSignals
import WorkOS

/// Serves a page with a session from several processes on one port.
@main
struct Example: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hummingbird-authkit",
        abstract: "A Hummingbird server of several processes that share each session's refresh.",
        discussion: """
            WORKOS_CLIENT_ID, WORKOS_API_KEY and WORKOS_BASE_URL say where sessions come from, AUTHKIT_SESSION_KEY (from \
            `openssl rand -base64 32`) what the cookie is sealed with, REFRESHD_DIRECTORY where the processes meet.
            """)

    @Option(help: "Port to listen on, on the loopback address.")
    var port = 8080

    @Option(help: "How many processes serve it.")
    var processes = 4

    @Flag(help: ArgumentHelp("Serve in this process; how the processes are started.", visibility: .hidden))
    var worker = false

    func run() async throws {
        if worker { try await serve() } else { try await Master(port: port, processes: processes).run() }
    }

    private func serve() async throws {
        var logger = Logger(label: "hummingbird-authkit") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        var refresh = RefreshConfiguration()
        refresh.logger = logger
        var sessions = AuthKitConfiguration()
        sessions.logger = logger
        let core = try AuthKitCore(
            workOS: WorkOSConfiguration(
                clientID: try variable("WORKOS_CLIENT_ID"), apiKey: variables["WORKOS_API_KEY"],
                baseURL: variables["WORKOS_BASE_URL"] ?? "https://api.workos.com"),
            refresh: refresh, configuration: sessions)
        let cookies = try SessionCookies(key: try SessionKey(base64: try variable("AUTHKIT_SESSION_KEY")))
        let server = SharedPortServer(
            host: "127.0.0.1", port: port, responder: Pages(core: core, cookies: cookies).router().buildResponder(),
            logger: logger, onRunning: { Master.say("ready") })
        try await ServiceGroup(
            configuration: .init(
                services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
    }

    private var variables: [String: String] { ProcessInfo.processInfo.environment }

    private func variable(_ name: String) throws -> String {
        guard let value = variables[name], !value.isEmpty else { throw ValidationError("\(name) is not set.") }
        return value
    }
}
