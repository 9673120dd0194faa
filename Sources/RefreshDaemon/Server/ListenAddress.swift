import Glibc

/// Where the daemon listens: a Unix socket, or a port of the loopback interface.
///
/// Other addresses are refused: refresh tokens would cross the network in the clear.
enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A socket in the file system (unix(7)), by its absolute path of at most 107 bytes.
    case unix(path: String)
    /// A TCP port of a loopback address; 0 takes a free one.
    case tcp(host: String, port: Int)

    /// Why a text is no address; the text is quoted, for it is no secret.
    struct Invalid: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads `unix:PATH`, `tcp:127.0.0.1:PORT` or `tcp:[::1]:PORT`.
    init(_ text: String) throws(Invalid) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), !path.utf8.contains(0), !path.hasSuffix("/") else {
                throw Invalid(description: "\"\(text)\": the socket's path must be absolute")
            }
            guard path.utf8.count <= 107 else {
                throw Invalid(description: "\"\(text)\": a socket's path has at most 107 bytes")
            }
            self = .unix(path: path)
            return
        }
        guard text.hasPrefix("tcp:") else {
            throw Invalid(description: "\"\(text)\" must be unix:PATH or tcp:127.0.0.1:PORT")
        }
        let rest = text.dropFirst(4)
        guard let colon = rest.lastIndex(of: ":") else {
            throw Invalid(description: "\"\(text)\" has no port")
        }
        let digits = rest[rest.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            port <= 65_535
        else { throw Invalid(description: "\"\(text)\": the port must be from 0 to 65535") }
        var host = String(rest[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard Self.isLoopback(host) else {
            throw Invalid(
                description: "\"\(text)\" is no loopback address: refresh tokens would cross the network in the clear"
            )
        }
        self = .tcp(host: host, port: port)
    }

    /// As it is written.
    var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "tcp:[\(host)]:\(port)" : "tcp:\(host):\(port)"
        }
    }

    /// Addresses only, for a name may be looked up to anything.
    private static func isLoopback(_ host: String) -> Bool {
        var address = in_addr()
        if unsafe inet_pton(AF_INET, host, &address) == 1 { return UInt32(bigEndian: address.s_addr) >> 24 == 127 }
        var long = in6_addr()
        guard unsafe inet_pton(AF_INET6, host, &long) == 1 else { return false }
        return unsafe withUnsafeBytes(of: &long) { bytes in
            unsafe bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
        }
    }
}
