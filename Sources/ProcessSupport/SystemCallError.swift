public import Glibc

/// A system call that failed: which one, on what, and the `errno` it left (see errno(3)).
public struct SystemCallError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call's name, as in section 2 of the manual.
    public var call: String
    /// The path it was about, or an empty string.
    public var path: String
    /// The error number.
    public var code: Int32

    /// Describes a failure; `code` is `errno` as it is now unless given.
    public init(_ call: String, path: String = "", code: Int32 = errno) {
        self.call = call
        self.path = path
        self.code = code
    }

    /// The failure in words.
    public var description: String {
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return path.isEmpty ? "\(call): \(reason)" : "\(call) \(path): \(reason)"
    }
}
