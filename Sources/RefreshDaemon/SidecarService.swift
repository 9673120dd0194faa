import AsyncHTTPClient
import LeaseTable
import Logging
import NIOCore
import NIOSSL
import ProcessSupport
import RefreshClient
import ServiceLifecycle
import WorkOS

/// The HTTP side of the daemon: opens its sockets and its connections to the upstream, and serves until it is stopped.
struct SidecarService: Service {
    let settings: DaemonSettings.Service
    let table: RefreshConfiguration
    /// Sockets that were handed over, besides those to open.
    let sockets: [ListeningSocket]
    let limits: ServerLimits
    /// Where new settings come from.
    let reloading: Reloading
    let logger: Logger
    /// Called once, when all sockets accept.
    let onReady: @Sendable () -> Void

    /// Serves until stopped; see ``HTTPServer/run()``.
    ///
    /// - Throws: `SystemCallError` where a socket cannot be opened, `WorkOSConfigurationError` and `ConfigurationError`
    ///   where the settings cannot be used.
    func run() async throws {
        // Apart, so that uploads and downloads do not stand in the way of refreshes.
        let pool = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try clientConfiguration())
        let passing = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try clientConfiguration())
        let outcome: Result<Void, any Error>
        do {
            try await serve(refreshingWith: pool, passingWith: passing)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        try? await pool.shutdown()
        try? await passing.shutdown()
        try outcome.get()
    }

    private func serve(refreshingWith pool: HTTPClient, passingWith passing: HTTPClient) async throws {
        var random = SystemRandomNumberGenerator()
        let pseudonym = "refreshd-\(String(random.next() as UInt64, radix: 36))"
        let (draining, metrics) = (Draining(), DaemonMetrics())
        let transport = PooledTransport(client: pool, pseudonym: pseudonym)
        @Sendable func responder(_ settings: DaemonSettings.Service) throws -> any Responder {
            // Dates in Retry-After are read with it, of either upstream.
            try WorkOSUpstream.preload()
            var refreshing: Sidecar.Refreshing?
            var baseURL: String?
            if let configuration = settings.upstream {
                let upstream = try PooledUpstream(configuration, transport: transport)
                baseURL = upstream.baseURL
                refreshing = Sidecar.Refreshing(
                    intake: RefreshIntake(
                        client: ConfiguredClient(clientID: configuration.clientID, secret: configuration.apiKey)),
                    endpoint: RefreshEndpoint(client: try RefreshClient(upstream: upstream, configuration: table)))
            }
            let tokens = settings.tokens.map { target in
                TokenRefreshing(
                    intake: TokenIntake(
                        client: ConfiguredClient(clientID: target.clientID, secret: target.secret)),
                    target: target, table: table, transport: transport)
            }
            return Sidecar(
                refreshing: refreshing, tokens: tokens, longestBody: limits.refreshBody,
                passThrough: PassThrough(
                    client: passing, baseURL: baseURL, pseudonym: pseudonym, uploadPatience: limits.uploadTimeout,
                    logger: logger),
                operators: OperatorEndpoints(
                    directory: .choose(named: table.directory), table: table, metrics: metrics, draining: draining,
                    onLoopback: settings.operatorsOnLoopback),
                metrics: metrics, draining: draining, logger: logger)
        }
        let current = ReloadableResponder(try responder(settings))
        reloading.begin { current.replace(with: try responder($0)) }
        var all = sockets
        do {
            for address in settings.listen { all.append(try ListeningSocket(address, access: settings.access)) }
        } catch {
            for socket in all { socket.discard() }
            throw error
        }
        try await HTTPServer(
            sockets: all, limits: limits, responder: current, draining: draining, logger: logger, onReady: onReady
        ).run()
    }

    /// The most connections to the upstream: more than this is asked to do at once, and files enough are left for as many
    /// clients. Whoever found none free would wait for one, for no longer than a connection may take.
    private static let upstreamConnections = 4096

    /// The connection itself takes 3 s at the most: one lost packet and a slow handshake.
    ///
    /// HTTP/1.1 only: what is sent and when a connection broke is known of a request of its own, not of a stream among
    /// others, all of which end with it. Nothing is followed, unpacked or sent again: what comes and goes is the upstream's and the client's.
    func clientConfiguration() throws -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let path = settings.authorities { tls.trustRoots = .file(path) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(
                connect: .seconds(3), read: PassThrough.upstreamPatience),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        // Common balancers close an idle connection after 60 s: ours go first, or a request meets a closing one.
        configuration.connectionPool.idleTimeout = .seconds(55)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.upstreamConnections
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}
