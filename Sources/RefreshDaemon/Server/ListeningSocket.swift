import Glibc
import ProcessSupport

/// A socket that accepts connections: opened here, or handed over by the service manager.
struct ListeningSocket: Sendable {
    /// The open descriptor; the server closes it.
    let descriptor: CInt
    /// What it listens on, for the log.
    let name: String
    /// The file to remove afterwards: the one that was made here.
    private let file: (path: String, device: dev_t, inode: ino_t)?

    /// Connections that wait to be accepted; a storm's come all at once.
    private static let backlog: CInt = 4096

    /// Who may connect to a Unix socket.
    struct Access: Sendable {
        /// The file's mode.
        var mode: mode_t = 0o660
        /// The file's group; `nil` leaves the process's.
        var group: gid_t?
    }

    /// Adopts a descriptor that listens already, or that listens from now on.
    init(adopting descriptor: CInt, name: String) throws(SystemCallError) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        guard listen(descriptor, Self.backlog) == 0 else { throw SystemCallError("listen", path: name) }
        self.descriptor = descriptor
        self.name = name
        file = nil
    }

    /// Opens a socket. A Unix socket's file that nobody listens on any more is replaced; one that somebody does, and a
    /// file that is no socket, is `EADDRINUSE`. Mode and group are set before anybody can connect.
    init(_ address: ListenAddress, access: Access) throws(SystemCallError) {
        switch address {
        case .unix(let path):
            (descriptor, file) = try Self.bindUnix(path, access)
            name = address.description
        case .tcp(let host, let port):
            let (opened, bound) = try Self.bindLoopback(host, port)
            descriptor = opened
            name = ((try? ListenAddress("tcp:[\(host)]:\(bound)")) ?? address).description
            file = nil
        }
    }

    /// Makes the queue as long as it is to be, after the server, which takes a listening socket's queue to 128.
    func lengthenQueue() throws(SystemCallError) {
        guard listen(descriptor, Self.backlog) == 0 else { throw SystemCallError("listen", path: name) }
    }

    /// Closes it without having served.
    func discard() {
        removeFile()
        close(descriptor)
    }

    /// Removes the Unix socket's file, if it is still the one that was made here.
    func removeFile() {
        guard let file else { return }
        var status = stat()
        guard unsafe lstat(file.path, &status) == 0, status.st_dev == file.device, status.st_ino == file.inode
        else { return }
        unsafe unlink(file.path)
    }

    private static func bindUnix(
        _ path: String, _ access: Access
    ) throws(SystemCallError) -> (CInt, (path: String, device: dev_t, inode: ino_t)) {
        let descriptor = socket(AF_UNIX, streamKind, 0)
        guard descriptor >= 0 else { throw SystemCallError("socket", path: path) }
        do throws(SystemCallError) {
            if connects(descriptor: socket(AF_UNIX, streamKind, 0), to: path) {
                throw SystemCallError("bind", path: path, code: EADDRINUSE)
            }
            var status = stat()
            if unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unsafe unlink(path) }
            guard unsafe call(bind, descriptor, path) == 0 else { throw SystemCallError("bind", path: path) }
            // Nobody can connect before listen().
            guard unsafe lstat(path, &status) == 0 else { throw SystemCallError("lstat", path: path) }
            // A service may be forbidden to call it, and need not where the group is right already.
            if let group = access.group, group != status.st_gid, unsafe chown(path, uid_t.max, group) != 0 {
                throw SystemCallError("chown", path: path)
            }
            guard unsafe chmod(path, access.mode) == 0 else { throw SystemCallError("chmod", path: path) }
            guard listen(descriptor, backlog) == 0, unsafe lstat(path, &status) == 0 else {
                throw SystemCallError("listen", path: path)
            }
            return (descriptor, (path, status.st_dev, status.st_ino))
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Close-on-exec from the start; the server makes it non-blocking.
    private static let streamKind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

    private static func connects(descriptor: CInt, to path: String) -> Bool {
        defer { close(descriptor) }
        return unsafe descriptor >= 0 && call(connect, descriptor, path) == 0
    }

    private static func call(
        _ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt, _ descriptor: CInt, _ path: String
    ) -> CInt {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        return unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func bindLoopback(_ host: String, _ port: Int) throws(SystemCallError) -> (CInt, Int) {
        let isLong = host.contains(":")
        let path = "\(host):\(port)"
        let descriptor = socket(isLong ? AF_INET6 : AF_INET, streamKind, 0)
        guard descriptor >= 0 else { throw SystemCallError("socket", path: path) }
        var yes: CInt = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var storage = sockaddr_storage()
        var length = socklen_t(isLong ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &storage) { pointer -> Int? in
            let raw = UnsafeMutableRawPointer(pointer)
            if isLong {
                let address = unsafe raw.assumingMemoryBound(to: sockaddr_in6.self)
                unsafe address.pointee.sin6_family = sa_family_t(AF_INET6)
                unsafe address.pointee.sin6_port = in_port_t(port).bigEndian
                unsafe inet_pton(AF_INET6, host, &address.pointee.sin6_addr)
            } else {
                let address = unsafe raw.assumingMemoryBound(to: sockaddr_in.self)
                unsafe address.pointee.sin_family = sa_family_t(AF_INET)
                unsafe address.pointee.sin_port = in_port_t(port).bigEndian
                unsafe inet_pton(AF_INET, host, &address.pointee.sin_addr)
            }
            let generic = unsafe raw.assumingMemoryBound(to: sockaddr.self)
            guard unsafe bind(descriptor, generic, length) == 0, listen(descriptor, backlog) == 0,
                unsafe getsockname(descriptor, generic, &length) == 0
            else { return nil }
            // The port stands in the same place of both.
            return Int(in_port_t(bigEndian: unsafe raw.assumingMemoryBound(to: sockaddr_in.self).pointee.sin_port))
        }
        guard let bound else {
            let error = SystemCallError("bind", path: path)
            close(descriptor)
            throw error
        }
        return (descriptor, bound)
    }
}
