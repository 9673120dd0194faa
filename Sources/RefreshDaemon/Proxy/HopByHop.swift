import NIOHTTP1

/// Headers that belong to one connection and not to the message (RFC 9110 section 7.6.1).
enum HopByHop {
    private static let names: Set = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// Whether the message's own `Connection` header names a header that a proxy may not remove, since what becomes of
    /// the message depends on it.
    static func namesEndToEnd(_ headers: HTTPHeaders) -> Bool {
        options(headers).contains { ["authorization", "content-length", "content-type", "host"].contains($0) }
    }

    /// Without those that belong to the connection, the ones that `Connection` names included.
    static func removed(from headers: HTTPHeaders) -> HTTPHeaders {
        let options = options(headers)
        return HTTPHeaders(
            headers.filter { field in
                let name = field.name.lowercased()
                return !names.contains(name) && !options.contains(name)
            })
    }

    private static func options(_ headers: HTTPHeaders) -> Set<String> {
        Set(headers[canonicalForm: "connection"].map { $0.lowercased() })
    }
}
