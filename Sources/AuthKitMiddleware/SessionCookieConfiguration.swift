/// The cookie's name and attributes (RFC 6265), each with its default and the reason for it.
public struct SessionCookieConfiguration: Sendable, Hashable {
    /// The name. Default `wos-session`, as in WorkOS's own SDKs. Further parts of a long session are `NAME.1` and so on.
    public var name = "wos-session"
    /// `Domain`, or `nil` for the host alone. Default `nil`: no other host needs it.
    public var domain: String?
    /// `Path`. Default `/`: all pages share the session.
    public var path = "/"
    /// `Secure`. Default on; off only for development without TLS. Browsers take loopback hosts for secure.
    public var isSecure = true
    /// `SameSite`. Default `lax`: requests that other sites make carry no session, but links to this one do.
    public var sameSite = SameSite.lax
    /// `Max-Age` in seconds, at least 1. Default 400 days, the most that browsers grant: the upstream says when a session
    /// is over, not the cookie.
    public var maximumAge = 400 * 86_400
    /// How many cookies of 4,096 bytes one session may take, 1 to 8. Default 3: servers and proxies commonly refuse
    /// requests whose headers are longer than 16 KB in all, some than 8.
    public var maximumParts = 3

    /// The values of `SameSite`.
    public enum SameSite: String, Sendable, Hashable {
        /// Sent with requests of this site, and when a link is followed to it.
        case lax = "Lax"
        /// Sent with requests of this site only.
        case strict = "Strict"
        /// Always sent; browsers demand `Secure` with it.
        case none = "None"
    }

    /// The defaults.
    public init() {}

    /// - Throws: ``SessionCookieError/invalidConfiguration(_:)`` that names the value and what it must be.
    func validate() throws(SessionCookieError) {
        func require(_ holds: Bool, _ what: String) throws(SessionCookieError) {
            if !holds { throw .invalidConfiguration(what) }
        }
        let separators = Set("()<>@,;:\\\"/[]?={} \t".utf8)
        try require(
            (1...128).contains(name.utf8.count)
                && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !separators.contains($0) },
            "name must be 1 to 128 characters of a token (RFC 6265 section 4.1.1)")
        func isAttribute(_ text: String) -> Bool {
            text.utf8.count <= 512 && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ";") }
        }
        try require(path.hasPrefix("/") && isAttribute(path), "path must begin with / and have no semicolon")
        try require(domain.map { !$0.isEmpty && isAttribute($0) } ?? true, "domain must be a host name")
        try require(maximumAge >= 1, "maximumAge must be at least 1 second")
        try require((1...8).contains(maximumParts), "maximumParts must be from 1 to 8")
        try require(sameSite != .none || isSecure, "sameSite none needs isSecure: browsers drop the cookie otherwise")
        // RFC 6265bis section 4.1.3: browsers drop cookies that break their name's promise.
        try require(!name.hasPrefix("__Secure-") || isSecure, "a name that begins with __Secure- needs isSecure")
        try require(
            !name.hasPrefix("__Host-") || (isSecure && path == "/" && domain == nil),
            "a name that begins with __Host- needs isSecure, the path / and no domain")
    }
}

/// Why there is no cookie.
public enum SessionCookieError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The configuration contradicts itself or what browsers take.
    case invalidConfiguration(String)
    /// The sealed session is longer than the parts it may take, also without the user's description.
    case tooLarge(bytes: Int, limit: Int)
    /// The session cannot be sealed.
    case notSealable

    /// What is wrong. Nothing of the session.
    public var description: String {
        switch self {
        case .invalidConfiguration(let what): "session cookie: \(what)"
        case .tooLarge(let bytes, let limit):
            "the sealed session has \(bytes) bytes and its cookies have room for \(limit): raise maximumParts, or put "
                + "less into the access token"
        case .notSealable: "the session cannot be sealed"
        }
    }
}
