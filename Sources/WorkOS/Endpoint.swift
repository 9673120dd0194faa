import FoundationEssentials
import Glibc

/// The URL refreshes are sent to, put together anew from the parts of a base URL, so that what was checked here
/// and what libcurl parses cannot differ.
struct Endpoint {
    /// The URL in one spelling: scheme and host in lower case, no default port, no slash doubled.
    var url: String { base + "/user_management/authenticate" }
    /// Whether the connection is encrypted.
    let isSecure: Bool
    /// Whether the host is this machine, by its name or address alone.
    let isLoopback: Bool
    private let base: String

    init(baseURL: String) throws(WorkOSConfigurationError) {
        func invalid(_ why: String) -> WorkOSConfigurationError {
            WorkOSConfigurationError(
                code: .invalidBaseURL,
                message: "The base URL \(why); it must look like https://api.workos.com")
        }
        guard baseURL.utf8.count <= 1024, baseURL.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x5c })
        else {
            throw invalid("has characters that a URL cannot have, or more than 1,024 of them")
        }
        guard let parsed = URL(string: baseURL), let scheme = parsed.scheme?.lowercased(),
            let host = parsed.host(),
            !host.isEmpty
        else { throw invalid("is not a URL with scheme and host") }
        guard scheme == "https" || scheme == "http" else { throw invalid("is neither https nor http") }
        guard parsed.user() == nil, parsed.password() == nil else { throw invalid("carries credentials") }
        guard parsed.query() == nil, parsed.fragment() == nil else {
            throw invalid("has a query or a fragment")
        }
        guard let authority = Self.authority(host: host.lowercased()) else {
            throw invalid("has an invalid host")
        }
        if let port = parsed.port, !(1...65535).contains(port) { throw invalid("has an invalid port") }

        isSecure = scheme == "https"
        isLoopback = Self.isLoopback(host.lowercased())
        guard isSecure || isLoopback else {
            throw WorkOSConfigurationError(
                code: .insecureBaseURL,
                message:
                    "The base URL would send refresh tokens unencrypted to \(host): use https, or http to a "
                    + "loopback host such as 127.0.0.1")
        }
        let defaultPort = isSecure ? 443 : 80
        let port = parsed.port.flatMap { $0 == defaultPort ? nil : ":\($0)" } ?? ""
        let path = parsed.path(percentEncoded: true).split(separator: "/").map { "/\($0)" }.joined()
        base = "\(scheme)://\(authority)\(port)\(path)"
    }

    /// Where the keys are that sign this client's access tokens.
    func keySetURL(clientID: String) -> String {
        let hexadecimal = Array("0123456789ABCDEF")
        // RFC 3986 section 2.3: what needs no encoding anywhere.
        let segment = clientID.utf8.reduce(into: "") { text, byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            if isPlain || "-._~".unicodeScalars.contains(scalar) {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%\(hexadecimal[Int(byte >> 4)])\(hexadecimal[Int(byte & 15)])"
            }
        }
        return base + "/sso/jwks/" + segment
    }

    /// The host as it stands in a URL, or nothing where it is neither a name nor an address.
    private static func authority(host: String) -> String? {
        if host.utf8.contains(UInt8(ascii: ":")) {
            var address = in6_addr()
            return unsafe inet_pton(AF_INET6, host, &address) == 1 ? "[\(host)]" : nil
        }
        let allowed = host.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        return allowed && host.utf8.count <= 253 ? host : nil
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" { return true }
        var address = in_addr()
        if unsafe inet_pton(AF_INET, host, &address) == 1 {
            return UInt32(bigEndian: address.s_addr) >> 24 == 127
        }
        var long = in6_addr()
        guard unsafe inet_pton(AF_INET6, host, &long) == 1 else { return false }
        return unsafe withUnsafeBytes(of: &long) { bytes in
            unsafe bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
        }
    }
}
