import Glibc
import NIOCore

/// Who is at the other end of a connection.
struct Peer: Sendable, CustomStringConvertible {
    /// Process, user and group at the time of connecting (`SO_PEERCRED`, unix(7)); `nil` over TCP.
    let credentials: (pid: Int32, user: UInt32, group: UInt32)?

    /// For the log.
    var description: String {
        credentials.map { "pid \($0.pid), uid \($0.user), gid \($0.group)" } ?? "loopback"
    }

    /// Asks the kernel.
    static func of(_ channel: any Channel) async -> Peer {
        guard channel.remoteAddress?.protocol == .unix || channel.localAddress?.protocol == .unix,
            let options = channel as? any SocketOptionProvider,
            // struct ucred, which the headers give to _GNU_SOURCE only: pid, uid, gid.
            let found: (Int32, UInt32, UInt32) = try? await options.unsafeGetSocketOption(
                level: .socket, name: .init(rawValue: CInt(SO_PEERCRED))
            ).get()
        else { return Peer(credentials: nil) }
        return Peer(credentials: found)
    }
}
