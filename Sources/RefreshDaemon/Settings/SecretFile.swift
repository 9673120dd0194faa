import Glibc
import ProcessSupport

/// A file that holds one secret.
enum SecretFile {
    /// Why it cannot be used; never a part of it.
    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }

    /// The longest one, in bytes.
    private static let longest = 4096

    /// The secret, without the line end after it.
    ///
    /// - Parameter isGuarded: Whether somebody else, like systemd for credentials, sees to who can read the file;
    ///   otherwise its mode is checked, for a file that others can read keeps no secret.
    static func read(_ path: String, isGuarded: Bool = false) throws(Unusable) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else { throw Unusable(description: "\(SystemCallError("open", path: path))") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Unusable(description: "\(path) is not a regular file")
        }
        if !isGuarded {
            guard status.st_mode & 0o077 == 0 else {
                throw Unusable(description: "\(path) can be read by others: chmod 0600 \(path)")
            }
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw Unusable(description: "\(path) belongs to another user: chown it to this one")
            }
        }
        var bytes = [UInt8](repeating: 0, count: longest + 1)
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw Unusable(description: "\(SystemCallError("read", path: path))") }
        guard count <= longest else { throw Unusable(description: "\(path) is longer than \(longest) bytes") }
        var text = Substring(decoding: bytes[..<count], as: UTF8.self)
        while let last = text.unicodeScalars.last, last == "\n" || last == "\r" { text.unicodeScalars.removeLast() }
        guard !text.isEmpty else { throw Unusable(description: "\(path) is empty") }
        return String(text)
    }
}
