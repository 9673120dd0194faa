import Glibc
import Logging
import WorkOS

/// Everything that can be set, checked.
struct DaemonSettings: Sendable {
    /// The sidecar's part.
    struct Service: Sendable {
        /// Where it listens; empty where sockets are handed over.
        var listen: [ListenAddress]
        /// Who may connect to Unix sockets.
        var access: ListeningSocket.Access
        /// Whether operators are answered over TCP, too.
        var operatorsOnLoopback: Bool
        /// WorkOS, and the client that is refreshed for; `nil` where only the other endpoint is served.
        var upstream: WorkOSConfiguration?
        /// Another provider's token endpoint, where one is served.
        var tokens: TokenEndpoint?
        /// PEM certificates to trust instead of the system's.
        var authorities: String?
    }

    /// The table's directory, where one is named.
    var directory: String?
    /// The pause between two rounds of housekeeping.
    var sweepInterval: Duration
    /// What is logged.
    var logLevel: Logger.Level
    /// `nil` where nothing is served.
    var service: Service?

    /// The credential that the service manager hands over (systemd.exec(5), LoadCredential=).
    static let credential = "workos-api-key"

    /// Reads all of it; what is wrong is noted in `reader`, and `nil` answered.
    ///
    /// - Parameters:
    ///   - isActivated: Whether sockets are handed over by the service manager.
    ///   - credentials: `CREDENTIALS_DIRECTORY`.
    init?(from reader: inout SettingsReader, isActivated: Bool, credentials: String?) {
        let addresses = reader.strings(.listen)
        var listen: [ListenAddress] = []
        for text in addresses {
            do throws(ListenAddress.Invalid) { listen.append(try ListenAddress(text)) } catch {
                reader.complain(.listen, error.description)
            }
        }
        let access = Self.access(&reader)
        let upstream = reader.string(.upstream) ?? "https://api.workos.com"
        reader.note(.upstream, upstream)
        let clientID = reader.string(.clientID)
        let secret = Self.secret(&reader, credentials)
        let authorities = reader.string(.caFile)
        let tokens = Self.tokens(&reader)
        let operatorsOnLoopback = reader.flag(.operatorsOnLoopback)
        directory = reader.string(.directory)
        let standard = DaemonConfiguration().sweepInterval / .seconds(1)
        let interval = reader.number(.sweepInterval, default: standard, in: 0.05...3600)
        reader.note(.sweepInterval, "\(interval)")
        sweepInterval = .seconds(interval)
        let level = reader.string(.logLevel) ?? "info"
        reader.note(.logLevel, level)
        if Logger.Level(rawValue: level) == nil {
            reader.complain(
                .logLevel,
                "there is no log level \"\(level)\": trace, debug, info, notice, warning, "
                    + "error or critical")
        }
        logLevel = Logger.Level(rawValue: level) ?? .info
        if isActivated || !addresses.isEmpty {
            if clientID == nil, tokens == nil {
                reader.complain("client-id: missing, and needed to listen")
            }
            if clientID != nil, secret == nil, !reader.isPublicClient, reader.problems.isEmpty {
                reader.complain("api-key-file: missing, and needed to listen unless public-client is set")
            }
            let configuration = clientID.map {
                WorkOSConfiguration(clientID: $0, apiKey: secret, baseURL: upstream, caBundlePath: authorities)
            }
            if let configuration {
                do throws(WorkOSConfigurationError) { _ = try WorkOSUpstream(configuration) } catch {
                    reader.complain(Self.key(of: error), error.message)
                }
            }
            service = Service(
                listen: listen, access: access, operatorsOnLoopback: operatorsOnLoopback, upstream: configuration,
                tokens: tokens, authorities: authorities)
        }
        if !reader.problems.isEmpty { return nil }
    }

    private static func access(_ reader: inout SettingsReader) -> ListeningSocket.Access {
        var access = ListeningSocket.Access()
        let mode = reader.string(.socketMode) ?? "0660"
        reader.note(.socketMode, mode)
        if let bits = mode_t(mode, radix: 8), bits <= 0o777, bits & 0o111 == 0 {
            access.mode = bits
        } else {
            reader.complain(.socketMode, "must be an octal mode without execution, such as 0660")
        }
        guard let name = reader.string(.socketGroup) else { return access }
        if let group = unsafe getgrnam(name) {
            access.group = unsafe group.pointee.gr_gid
        } else {
            reader.complain(.socketGroup, "there is no group \"\(name)\"")
        }
        return access
    }

    private static func secret(_ reader: inout SettingsReader, _ credentials: String?) -> String? {
        let isPublic = reader.flag(.publicClient)
        let named = reader.string(.apiKeyFile)
        let handedOver = credentials.map { "\($0)/\(credential)" }.flatMap(Self.credential(at:))
        guard let path = named ?? handedOver else { return nil }
        if isPublic {
            reader.complain(.publicClient, "a public client has no API key, and there is one in \(path)")
            return nil
        }
        if named == nil { reader.note(.apiKeyFile, path, from: "CREDENTIALS_DIRECTORY") }
        do throws(SecretFile.Unusable) {
            return try SecretFile.read(path, isGuarded: named == nil)
        } catch {
            reader.complain(.apiKeyFile, error.description)
            return nil
        }
    }

    private static func tokens(_ reader: inout SettingsReader) -> TokenEndpoint? {
        let clientID = reader.string(.tokenClientID)
        let file = reader.string(.tokenSecretFile)
        let authentication = reader.string(.tokenAuthentication)
        guard let url = reader.string(.tokenEndpoint) else { return nil }
        guard let clientID else {
            reader.complain("token-client-id: missing, and needed for token-endpoint")
            return nil
        }
        do throws(WorkOSConfigurationError) {
            // The same is asked of both upstreams: a URL without credentials, encrypted unless it is of this machine.
            _ = try WorkOSUpstream(WorkOSConfiguration(clientID: clientID, baseURL: url))
        } catch {
            reader.complain(error.code == .invalidClientID ? .tokenClientID : .tokenEndpoint, error.message)
        }
        var endpoint = TokenEndpoint(url: url, clientID: clientID, secret: nil)
        if let file {
            do throws(SecretFile.Unusable) { endpoint.secret = try SecretFile.read(file) } catch {
                reader.complain(.tokenSecretFile, error.description)
            }
        }
        if let authentication {
            if let known = TokenEndpoint.Authentication(rawValue: authentication) {
                endpoint.authentication = known
            } else {
                reader.complain(.tokenAuthentication, "must be basic or post")
            }
        }
        return endpoint
    }

    /// The path, if a credential is there; one of nothing but a line end is the unit's default, and none.
    private static func credential(at path: String) -> String? {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_size > 1 ? path : nil
    }

    private static func key(of error: WorkOSConfigurationError) -> SettingKey {
        switch error.code {
        case .invalidClientID: .clientID
        case .invalidAPIKey: .apiKeyFile
        case .unreadableCABundle: .caFile
        default: .upstream
        }
    }
}

extension SettingsReader {
    /// Whether the client was said to have no secret.
    fileprivate var isPublicClient: Bool { effective.contains { $0.key == .publicClient && $0.value == "true" } }
}
