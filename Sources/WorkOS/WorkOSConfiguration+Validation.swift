import Glibc

extension WorkOSConfiguration {
    /// Checks everything but the base URL, which ``Endpoint`` does.
    func validate() throws(WorkOSConfigurationError) {
        guard Self.isVisible(clientID, longest: 256) else {
            throw WorkOSConfigurationError(
                code: .invalidClientID,
                message: "The client id must be 1 to 256 visible ASCII characters: take it from the WorkOS "
                    + "dashboard, where it looks like client_…")
        }
        if let apiKey, !Self.isVisible(apiKey, longest: 1024) {
            throw WorkOSConfigurationError(
                code: .invalidAPIKey,
                message:
                    "The API key must be 1 to 1,024 visible ASCII characters (is there a line end after it?), "
                    + "or absent for a public client")
        }
        let agent = userAgent.filter { $0 != " " }
        guard Self.isVisible(agent, longest: 256), userAgent.utf8.count <= 256, !userAgent.hasPrefix(" ")
        else {
            throw WorkOSConfigurationError(
                code: .invalidUserAgent, message: "The user agent must be 1 to 256 printable ASCII characters"
            )
        }
        guard connectTimeout > .zero else {
            throw WorkOSConfigurationError(
                code: .invalidConnectTimeout, message: "The connect timeout must be longer than zero")
        }
        if let path = caBundlePath, unsafe path.utf8.contains(0) || access(path, R_OK) != 0 {
            throw WorkOSConfigurationError(
                code: .unreadableCABundle,
                message:
                    "The file of trusted certificates cannot be read: \(path.split(separator: "\0").first ?? "")"
            )
        }
    }

    /// Whether `text` has 1 to `longest` characters, all of them ASCII and visible: what can stand in a header
    /// and cannot end it.
    static func isVisible(_ text: String, longest: Int) -> Bool {
        (1...longest).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}
