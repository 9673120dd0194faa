import Glibc

/// A loopback port at which nobody listens, and nobody else can while the value exists.
final class UnheardPort: Sendable {
    let number: Int
    private let descriptor: Int32

    init() throws {
        let socket = try LoopbackSocket(listening: false)
        (number, descriptor) = (socket.port, socket.descriptor)
    }

    deinit { close(descriptor) }
}
