import Hummingbird
public import Logging
import NIOCore
public import ServiceLifecycle

/// A local stand-in for the WorkOS refresh endpoint, over HTTP/1.1.
///
/// Run it in a `ServiceGroup`, or call ``run()`` in a task: it serves until the group shuts down gracefully or the
/// task is cancelled. On a graceful stop, calls that still wait are closed without an answer and without effect.
/// May be run once. Thread-safe; not for use on both sides of a `fork`.
public struct Emulator: Service {
    /// Where it listens, and what it starts with.
    public struct Configuration: Sendable {
        /// The address to bind, by default loopback only.
        public var host = "127.0.0.1"
        /// The port to bind; 0 (the default) takes a free one.
        public var port = 0
        /// `iss` of the access tokens; `nil` (the default) for the emulator's own base URL.
        public var issuer: String?
        /// What ``EmulatorSettings`` says, until a client changes it.
        public var settings = EmulatorSettings()

        /// The defaults.
        public init() {}
    }

    private let configuration: Configuration
    private let state: EmulatorState
    private let time: any TimeSource
    private let signer: AccessTokenSigner?
    private let logger: Logger
    private let onReady: @Sendable (String) async -> Void

    /// Makes an emulator.
    ///
    /// - Parameters:
    ///   - logger: gets one line per start and stop, and more at `debug`; never a token.
    ///   - onReady: called once, with the base URL, when the emulator accepts connections.
    public init(
        configuration: Configuration, logger: Logger, onReady: @escaping @Sendable (String) async -> Void
    ) {
        self.init(configuration: configuration, logger: logger, time: SystemTimeSource(), onReady: onReady)
    }

    init(
        configuration: Configuration, logger: Logger, time: any TimeSource, eventCapacity: Int = 65_536,
        signer: AccessTokenSigner? = nil, onReady: @escaping @Sendable (String) async -> Void
    ) {
        self.configuration = configuration
        self.logger = logger
        self.time = time
        self.signer = signer
        self.onReady = onReady
        state = EmulatorState(settings: configuration.settings, time: time, eventCapacity: eventCapacity)
    }

    /// Serves until stopped.
    ///
    /// Throws if the address cannot be bound or no key can be made.
    public func run() async throws {
        // Not `??`, whose right side cannot await.
        let signer = if let signer { signer } else { try await AccessTokenSigner(parallel: System.coreCount) }
        let authenticate = AuthenticateEndpoint(state: state, signer: signer, time: time)
        let router = Router(context: EmulatorContext.self)
        router.add(middleware: AnswerMiddleware())
        authenticate.addRoutes(to: router)
        ControlEndpoints(state: state, authenticate: authenticate).addRoutes(to: router)
        let application = Application(
            router: router,
            server: .http1(configuration: .init(additionalChannelHandlers: [ClientPresence()])),
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: "workos-emulator",
                // A storm's connections arrive all at once.
                backlog: 4096),
            onServerRunning: { channel in await ready(channel.localAddress?.port ?? configuration.port) },
            logger: logger)
        try await application.run()
        logger.info("stopped")
    }

    private func ready(_ port: Int) async {
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        let baseURL = "http://\(host):\(port)"
        await state.begin(issuer: configuration.issuer ?? baseURL)
        await onReady(baseURL)
    }
}
