import NIOHTTP1

extension HTTPRequestHead {
    /// Whether what follows this request may be of another protocol (RFC 9110 sections 7.8 and 9.3.6): the parser then
    /// reads nothing after it. None is spoken here, so that such a request is the last of its connection.
    var mayLeaveHTTP: Bool { method == .CONNECT || headers.contains(name: "upgrade") }
}
