@testable import WorkOSEmulator

/// One answer, read byte by byte from a connection.
struct HTTPReply: Sendable {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    /// The body as JSON, or `null`.
    var json: JSONValue { JSONText.parse(body) ?? .null }

    /// A field of the body.
    subscript(name: String) -> JSONValue? { json[name] }
}

extension JSONValue {
    /// A field, if this is an object.
    subscript(name: String) -> JSONValue? {
        if case .object(let fields) = self { fields[name] } else { nil }
    }

    /// The number, if this is a whole one.
    var int: Int? {
        if case .integer(let number) = self { Int(number) } else { nil }
    }
}

/// Reads answers, and lines of a chunked one, from a connection.
final class HTTPReader {
    private let connection: RawConnection
    private var pending: [UInt8] = []

    init(_ connection: RawConnection) { self.connection = connection }

    private func more() throws {
        let bytes = try connection.receive()
        if bytes.isEmpty { throw RawConnection.Failure.closed }
        pending += bytes
    }

    func line() throws -> String {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = pending[..<end]
                pending.removeFirst(end + 1)
                return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            }
            try more()
        }
    }

    func bytes(_ count: Int) throws -> [UInt8] {
        while pending.count < count { try more() }
        defer { pending.removeFirst(count) }
        return Array(pending.prefix(count))
    }

    /// Status and headers.
    func head() throws -> (status: Int, headers: [String: String]) {
        let status = Int(try line().split(separator: " ")[1]) ?? 0
        var headers: [String: String] = [:]
        while case let line = try line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts[1].trimmingPrefix(" ").description
        }
        return (status, headers)
    }

    /// A whole answer with a length.
    func reply() throws -> HTTPReply {
        let (status, headers) = try head()
        return HTTPReply(
            status: status, headers: headers,
            body: try bytes(headers["content-length"].flatMap { Int($0) } ?? 0))
    }

    /// The next chunk of a chunked body; `nil` after the last.
    func chunk() throws -> [UInt8]? {
        let size = Int(try line(), radix: 16) ?? 0
        let data = try bytes(size)
        _ = try line()
        return size == 0 ? nil : data
    }
}
