import CRefreshClientHeader
import LeaseTable
import RefreshClient
import WorkOS

/// What a client was opened with, read and checked: two clients with the same options are one.
struct ClientOptions: Hashable {
    private let directory: String
    private let clientID: String
    private let apiKey: String?
    private let baseURL: String?
    private let tokenEndpoint: String?
    private let caBundle: String?
    private let requestTimeout: Int64?
    private let lease: Int64?
    private let resultRetention: Int64?
    private let terminalFailureRetention: Int64?
    private let deadline: Int64?
    private let mapSize: Int64?
    private let polls: Int64?
    private let failsWithoutTable: Int64?
    private let logLevel: Int64?

    /// The header's names for the fields of `RefreshConfiguration` that are checked together.
    private static let names = [
        "requestTimeout": "request_timeout_ms", "lease": "lease_ms", "resultRetention": "result_retention_ms",
        "callerDeadline": "deadline_ms", "mapSize": "map_size",
    ]

    init(_ given: UnsafePointer<refreshclient_options>?) throws(CallError) {
        let options = try unsafe Input.structure(given, "options")
        directory =
            TableDirectory.choose(
                named: try unsafe Input.text(options.directory, "directory", longest: 4096)
            ).path
        clientID = try unsafe Input.required(options.client_id, "client_id", longest: KeyParts.longestPart)
        apiKey = try unsafe Input.text(options.api_key, "api_key", longest: 1024)
        baseURL = try unsafe Input.text(options.base_url, "base_url", longest: 1024)
        tokenEndpoint = try unsafe Input.text(options.token_endpoint, "token_endpoint", longest: KeyParts.longestPart)
        caBundle = try unsafe Input.text(options.ca_bundle, "ca_bundle", longest: 4096)
        if baseURL != nil, tokenEndpoint != nil {
            throw .invalid("base_url and token_endpoint are both given: one of them says where tokens are refreshed")
        }
        requestTimeout = try Input.milliseconds(unsafe options.request_timeout_ms, "request_timeout_ms")
        lease = try Input.milliseconds(unsafe options.lease_ms, "lease_ms")
        resultRetention = try Input.milliseconds(unsafe options.result_retention_ms, "result_retention_ms")
        terminalFailureRetention = try Input.milliseconds(
            unsafe options.terminal_failure_retention_ms, "terminal_failure_retention_ms")
        deadline = try Input.milliseconds(unsafe options.deadline_ms, "deadline_ms")
        mapSize = try Input.number(unsafe options.map_size, "map_size", in: 1 << 20...1 << 46)
        polls = try Input.number(Int64(unsafe options.polls), "polls", in: 0...1)
        failsWithoutTable = try Input.number(
            Int64(unsafe options.fails_without_table), "fails_without_table", in: 0...1)
        logLevel = try Input.number(Int64(unsafe options.log_level), "log_level", in: 0...4)
    }

    /// Makes the client.
    func makeClient() throws(CallError) -> Client {
        var configuration = RefreshConfiguration(directory: directory)
        if let requestTimeout { configuration.requestTimeout = .milliseconds(requestTimeout) }
        if let lease { configuration.lease = .milliseconds(lease) }
        if let resultRetention { configuration.resultRetention = .milliseconds(resultRetention) }
        if let terminalFailureRetention {
            configuration.terminalFailureRetention = .milliseconds(terminalFailureRetention)
        }
        if let deadline { configuration.callerDeadline = .milliseconds(deadline) }
        if let mapSize {
            configuration.mapSize = Int(mapSize)
            configuration.publishReserve = min(configuration.publishReserve, Int(mapSize) / 8)
        }
        if polls == 1 { configuration.waitStrategy = .poll }
        if failsWithoutTable == 1 { configuration.whenCoordinationFails = .fail }
        configuration.logger = StandardErrorLog.logger(level: logLevel ?? 2)
        let upstream = try upstream()
        do throws(ConfigurationError) {
            return Client(
                refreshing: try RefreshClient(upstream: upstream, configuration: configuration),
                callsWorkOS: tokenEndpoint == nil)
        } catch {
            let name = Self.names[error.field] ?? error.field
            throw .invalid("\(name) is \(error.value), and \(error.requirement)")
        }
    }

    private func upstream() throws(CallError) -> any Upstream {
        if let tokenEndpoint { return try ProviderIdentity(endpoint: tokenEndpoint, clientID: clientID) }
        var settings = WorkOSConfiguration(clientID: clientID, apiKey: apiKey, caBundlePath: caBundle)
        if let baseURL { settings.baseURL = baseURL }
        do throws(WorkOSConfigurationError) {
            return try WorkOSUpstream(settings)
        } catch {
            throw .invalid(error.message)
        }
    }
}
