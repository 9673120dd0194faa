import Glibc
import ProcessSupport

/// The sockets that a service manager opened for us, in the protocol of sd_listen_fds(3): descriptors from 3 on, as many
/// as `LISTEN_FDS` says, if `LISTEN_PID` is this process.
enum HandedOverSockets {
    private static let first: CInt = 3

    /// How many there are.
    static func count(_ environment: [String: String]) -> CInt {
        guard let pid = environment["LISTEN_PID"], pid_t(pid) == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ CInt($0) }), (1...64).contains(count)
        else { return 0 }
        return count
    }

    /// Takes them; once, for the server closes them.
    ///
    /// - Throws: `EINVAL` for one that is no stream socket of the Unix or a loopback address.
    static func take(_ environment: [String: String]) throws(SystemCallError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for descriptor in first..<(first + count(environment)) {
            guard let name = name(of: descriptor) else {
                throw SystemCallError("LISTEN_FDS", path: "descriptor \(descriptor)", code: EINVAL)
            }
            sockets.append(try ListeningSocket(adopting: descriptor, name: name))
        }
        return sockets
    }

    /// What it is bound to; `nil` where it is nothing to listen on.
    private static func name(of descriptor: CInt) -> String? {
        var kind: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &size) == 0,
            kind == CInt(SOCK_STREAM.rawValue)
        else { return nil }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer -> String? in
            let raw = UnsafeMutableRawPointer(pointer)
            let generic = unsafe raw.assumingMemoryBound(to: sockaddr.self)
            guard unsafe getsockname(descriptor, generic, &length) == 0 else { return nil }
            if unsafe CInt(generic.pointee.sa_family) == AF_UNIX {
                let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? MemoryLayout<sa_family_t>.size
                let bytes = unsafe UnsafeRawBufferPointer(start: raw + offset, count: max(0, Int(length) - offset))
                return unsafe "unix:" + String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var host = [CChar](repeating: 0, count: 64)
            var port = [CChar](repeating: 0, count: 8)
            guard
                unsafe getnameinfo(
                    generic, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0
            else { return nil }
            let address = "tcp:[\(text(host))]:\(text(port))"
            return (try? ListenAddress(address))?.description
        }
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
