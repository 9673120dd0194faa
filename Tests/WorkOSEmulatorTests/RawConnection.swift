import Dispatch
import Foundation
import Glibc

/// A client's TCP connection to loopback, blocking underneath, so that a test decides on every byte and every close.
final class RawConnection: Sendable {
    /// What was wrong with the connection.
    enum Failure: Error, Equatable {
        /// The peer reset it.
        case reset
        /// The peer closed it in the middle of something.
        case closed
        /// Another error, or nothing for 20 s.
        case other(Int32)
    }

    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 { throw Failure.other(errno) }
    }

    deinit { Glibc.close(descriptor) }

    /// Sends all of `text`.
    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure.other(errno)
        }
    }

    /// Some bytes; none when the peer has closed.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 { throw errno == ECONNRESET ? Failure.reset : Failure.other(errno) }
        return Array(buffer.prefix(count))
    }

    /// Closes the sending half.
    func shutdownSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes both halves (the descriptor itself goes with this object).
    func shutdownBoth() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Makes the close of the descriptor a reset.
    func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}

/// Runs blocking work beside the cooperative pool.
func blocking<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}
