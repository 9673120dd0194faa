import Glibc
import ProcessSupport

/// Tells the service manager how the service is doing, in the protocol of sd_notify(3): one datagram for each message, to
/// the socket that `NOTIFY_SOCKET` names.
///
/// The protocol is small and promised to stay as it is, so that libsystemd need not be there. A plain value: thread-safe.
struct ServiceNotifier: Sendable {
    /// What can be said.
    enum State: Sendable {
        /// The service does its work.
        case ready
        /// It is about to end.
        case stopping
        /// It is alive.
        case watchdog
        /// It reads its configuration again, since that moment; ``ready`` follows.
        case reloading(at: MonotonicInstant)

        /// The datagram.
        var message: String {
            switch self {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            case .reloading(let instant): "RELOADING=1\nMONOTONIC_USEC=\(instant.nanoseconds / 1000)"
            }
        }
    }

    /// A path, or `@` and the name of an abstract socket (unix(7)).
    private let address: String

    /// Nobody to tell, and no error, where `address` is absent or empty.
    init?(address: String?) {
        guard let address, !address.isEmpty else { return nil }
        self.address = address
    }

    /// Sends `state`; waits at the most a second for room in the manager's queue.
    ///
    /// - Throws: The system call that failed, `EINVAL` for an address that is none, or none that fits.
    func notify(_ state: State) throws(SystemCallError) {
        var (name, length) = try socketAddress()
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemCallError("socket", path: address) }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let message = Array(state.message.utf8)
        let sent = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe sendto(descriptor, message, message.count, 0, $0, length)
            }
        }
        guard sent == message.count else { throw SystemCallError("sendto", path: address) }
    }

    private func socketAddress() throws(SystemCallError) -> (sockaddr_un, socklen_t) {
        var bytes = Array(address.utf8)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        guard isAbstract || bytes.first == UInt8(ascii: "/"), bytes.count < MemoryLayout.size(ofValue: name.sun_path)
        else { throw SystemCallError("NOTIFY_SOCKET", path: address, code: EINVAL) }
        // An abstract name begins with a zero byte and ends where the length says, without another one.
        if isAbstract { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let prefix = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? MemoryLayout<sa_family_t>.size
        return (name, socklen_t(prefix + bytes.count + (isAbstract ? 0 : 1)))
    }
}
