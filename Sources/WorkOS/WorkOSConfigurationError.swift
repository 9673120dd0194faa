/// Why a ``WorkOSConfiguration`` cannot be used, or the machine lacks what it needs. For the operator to mend;
/// never caused by the network, and never holds a secret.
public struct WorkOSConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong. Open: more may be added.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The name, as used in logs.
        public var rawValue: String

        /// Keeps any name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The base URL is not `https://host[:port][/path]`.
        public static let invalidBaseURL = Code(rawValue: "invalid_base_url")
        /// The base URL is `http` to a host that is not loopback.
        public static let insecureBaseURL = Code(rawValue: "insecure_base_url")
        /// The client identifier is empty, too long, or has characters it cannot have.
        public static let invalidClientID = Code(rawValue: "invalid_client_id")
        /// The API key is empty, too long, or has characters it cannot have.
        public static let invalidAPIKey = Code(rawValue: "invalid_api_key")
        /// The user agent is empty, too long, or has characters it cannot have.
        public static let invalidUserAgent = Code(rawValue: "invalid_user_agent")
        /// The connect timeout is not longer than zero.
        public static let invalidConnectTimeout = Code(rawValue: "invalid_connect_timeout")
        /// The file of trusted certificates cannot be read.
        public static let unreadableCABundle = Code(rawValue: "unreadable_ca_bundle")
        /// `libcurl.so.4` is not there or cannot be used.
        public static let libcurlUnavailable = Code(rawValue: "libcurl_unavailable")
    }

    /// What is wrong.
    public var code: Code
    /// What is wrong and how to mend it, in one sentence.
    public var message: String

    /// Makes an error.
    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
