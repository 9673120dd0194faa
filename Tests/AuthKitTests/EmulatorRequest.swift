import Crypto
import Foundation
import Glibc

/// One request to a loopback server, over a socket of its own. Blocks.
func curl(_ method: String, _ url: String, _ body: String?) throws -> Data {
    struct Failed: Error {}
    guard let parts = URLComponents(string: url), let port = parts.port else { throw Failed() }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { throw Failed() }
    let path = parts.path + (parts.query.map { "?" + $0 } ?? "")
    let content = Array((body ?? "").utf8)
    let head =
        "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(content.count)\r\n\r\n"
    var request = Array(head.utf8) + content
    while !request.isEmpty {
        let sent = send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
        guard sent > 0 else { throw Failed() }
        request.removeFirst(sent)
    }
    var answer = Data()
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { answer += buffer[..<count] }
    guard let end = answer.firstRange(of: Data("\r\n\r\n".utf8)) else { throw Failed() }
    let status = String(decoding: answer.prefix(12), as: UTF8.self)
    guard status.dropFirst(9).first == "2" else { throw Failed() }
    let isChunked = String(decoding: answer[..<end.lowerBound], as: UTF8.self).lowercased().contains("chunked")
    return isChunked ? joined(answer[end.upperBound...]) : Data(answer[end.upperBound...])
}

private func joined(_ chunks: Data) -> Data {
    var (rest, whole) = (chunks, Data())
    while let end = rest.firstRange(of: Data("\r\n".utf8)),
        let count = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16), count > 0
    {
        whole += rest[end.upperBound...].prefix(count)
        rest = rest[end.upperBound...].dropFirst(count + 2)
    }
    return whole
}

/// The first 16 hex digits, by which the emulator names tokens.
func sha256(_ text: String) -> String {
    String(SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined().prefix(16))
}
