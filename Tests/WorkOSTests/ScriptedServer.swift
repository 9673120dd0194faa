import Foundation
import Glibc
import Testing

/// A raw-socket HTTP server on a loopback port. Every connection is given to the script, on a thread of its own,
/// with its number; what it did can be awaited.
final class ScriptedServer: @unchecked Sendable {
    let port: Int
    private let listener: Int32
    private let script: @Sendable (Connection) -> Void
    private let condition = NSCondition()
    private var requests: [Request] = []
    private var accepted = 0
    private var finished = 0
    private var signals: Set<String> = []
    private var isEnding = false

    struct Request: Sendable {
        let connection: Int
        let head: String
        let body: [UInt8]

        func header(_ name: String) -> String? {
            head.components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { String($0.drop { $0 != ":" }.dropFirst()).trimmingCharacters(in: .whitespaces) }
        }
    }

    init(_ script: @escaping @Sendable (Connection) -> Void) throws {
        self.script = script
        let socket = try LoopbackSocket(listening: true)
        (listener, port) = (socket.descriptor, socket.port)
        Thread.detachNewThread { [self] in accept() }
    }

    var baseURL: String { "http://127.0.0.1:\(port)" }

    private func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { return }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            condition.lock()
            if isEnding {
                condition.unlock()
                // In this order: who sees the end of its connection finds nobody listening.
                close(listener)
                close(descriptor)
                return
            }
            accepted += 1
            // A peer that never ends is left, so that its test fails instead of hanging.
            var patience = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            let connection = Connection(server: self, descriptor: descriptor, number: accepted)
            condition.unlock()
            Thread.detachNewThread { [self] in
                script(connection)
                connection.close()
                condition.withLock {
                    finished += 1
                    condition.broadcast()
                }
            }
        }
    }

    fileprivate func note(_ request: Request) {
        condition.withLock {
            requests.append(request)
            condition.broadcast()
        }
    }

    func signal(_ name: String) {
        condition.withLock {
            _ = signals.insert(name)
            condition.broadcast()
        }
    }

    /// Waits for it, twenty seconds at the most.
    func await(_ name: String) {
        let deadline = Date(timeIntervalSinceNow: 20)
        let came = condition.withLock {
            while !signals.contains(name) { if !condition.wait(until: deadline) { break } }
            return signals.contains(name)
        }
        if !came { Issue.record("\(name): not within twenty seconds") }
    }

    /// Waits for every connection made so far to be done with, and says what came in over all of them.
    func finish() -> [Request] {
        condition.withLock { isEnding = true }
        // Connections are accepted in order: once this one is, there is none before it that was not seen.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var byte: UInt8 = 0
        _ = read(descriptor, &byte, 1)
        close(descriptor)
        return condition.withLock {
            while finished < accepted { condition.wait() }
            return requests
        }
    }

    /// One accepted connection.
    final class Connection: @unchecked Sendable {
        let server: ScriptedServer
        let number: Int
        private let descriptor: Int32
        private var isClosed = false

        fileprivate init(server: ScriptedServer, descriptor: Int32, number: Int) {
            self.server = server
            self.descriptor = descriptor
            self.number = number
        }

        /// Reads one request to its end, and notes it; nothing where the peer closed before.
        @discardableResult
        func readRequest() -> Request? {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                if let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                    let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
                    let request = Request(
                        connection: number, head: head, body: Array(bytes[end.upperBound...]))
                    if request.body.count >= request.header("Content-Length").flatMap({ Int($0) }) ?? 0 {
                        server.note(request)
                        return request
                    }
                }
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { return nil }
                bytes += buffer[..<count]
            }
        }

        func send(_ text: String) {
            let bytes = Array(text.utf8)
            _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }

        /// Answers with a status, further headers (each with its line end) and a body.
        func answer(_ status: Int, _ body: String, headers: String = "") {
            send("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }

        /// Waits until the peer has closed.
        func awaitClose() {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while read(descriptor, &buffer, buffer.count) > 0 {}
        }

        /// Closes with a reset instead of an end.
        func reset() {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            close()
        }

        func close() {
            guard !isClosed else { return }
            isClosed = true
            Glibc.close(descriptor)
        }
    }
}
