/// Where and as whom refreshes are made. A plain value: nothing is opened or checked before it is given to
/// ``WorkOSUpstream/init(_:)``.
public struct WorkOSConfiguration: Sendable, Hashable {
    /// Scheme, host, and where needed port and path prefix, of the API; `/user_management/authenticate` is added.
    ///
    /// Default `https://api.workos.com`. `http` is accepted for loopback hosts alone (`localhost`, `127.0.0.0/8`,
    /// `[::1]`), for emulators and sidecars: anywhere else the token would cross the network in the clear.
    public var baseURL: String

    /// The OAuth client identifier, `client_…`. Sent as `client_id`, and part of the key callers coalesce by. No
    /// default: it says which application the session belongs to. 1 to 256 visible ASCII characters.
    public var clientID: String

    /// The API key, `sk_…`, sent as `client_secret` and as the bearer token, or `nil` for a public client, which
    /// sends neither. Default `nil`, since a secret cannot have one. 1 to 1,024 visible ASCII characters.
    public var apiKey: String?

    /// How long name lookup, TCP and TLS handshake together may take; longer than zero.
    ///
    /// Default 3 s: a first SYN lost is sent again after 1 s, so this survives one loss and a slow handshake and
    /// still leaves most of a 10 s request timeout for the answer. Never longer than the attempt's own timeout,
    /// whichever value is given.
    public var connectTimeout: Duration

    /// A file of PEM certificates to trust instead of the system's, or `nil` for the system's. Default `nil`:
    /// the public API's certificate is signed by a public authority. Verification itself cannot be turned off.
    public var caBundlePath: String?

    /// The `User-Agent` of the request itself, which tells the upstream's operators who calls. 1 to 256
    /// printable ASCII characters. Default `refreshd`, for it is this library that calls and not the browser;
    /// the end user's own goes into the request's body.
    public var userAgent: String

    /// Makes a configuration; each default is explained at its property.
    public init(
        clientID: String, apiKey: String? = nil, baseURL: String = "https://api.workos.com",
        connectTimeout: Duration = .seconds(3), caBundlePath: String? = nil, userAgent: String = "refreshd"
    ) {
        self.baseURL = baseURL
        self.clientID = clientID
        self.apiKey = apiKey
        self.connectTimeout = connectTimeout
        self.caBundlePath = caBundlePath
        self.userAgent = userAgent
    }
}

extension WorkOSConfiguration: CustomStringConvertible, CustomReflectable {
    /// Everything but the API key, of which it says only whether there is one.
    public var description: String {
        "WorkOSConfiguration(baseURL: \(baseURL), clientID: \(clientID), "
            + "apiKey: \(apiKey == nil ? "none" : "withheld"), connectTimeout: \(connectTimeout), "
            + "caBundlePath: \(caBundlePath ?? "the system's"), userAgent: \(userAgent))"
    }

    /// No children, so that `dump` and debuggers do not print the key either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
