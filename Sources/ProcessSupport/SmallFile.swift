import CLinux
import Glibc

/// Reads a file of the kernel's or a small one of ours.
///
/// - Parameter limit: How many bytes at the most; the rest is left.
/// - Throws: ``SystemCallError`` where it cannot be opened or read.
public func readSmallFile(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    let descriptor = unsafe clinux_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { throw SystemCallError("open", path: path) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: limit)
    var filled = 0
    while filled < limit {
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe read(descriptor, buffer.baseAddress.map { unsafe $0 + filled }, limit - filled)
        }
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw SystemCallError("read", path: path) }
        if count == 0 { break }
        filled += count
    }
    bytes.removeLast(limit - filled)
    return bytes
}
