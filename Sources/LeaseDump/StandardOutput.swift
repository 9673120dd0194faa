import Glibc
import ProcessSupport

/// Where the answer goes.
enum StandardOutput {
    /// Whether to colour: a terminal that can, and a user who has not said no (`NO_COLOR`, see no-color.org).
    static func isColoured(isTerminal: Bool, variables: (String) -> String?) -> Bool {
        if let wish = variables("NO_COLOR"), !wish.isEmpty { return false }
        return isTerminal && variables("TERM") != "dumb"
    }

    /// Whether it is a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// The terminal's columns; `nil` where it is none or does not say.
    static var columns: Int? {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Writes all of `text`.
    ///
    /// - Throws: The failure of write(2), for instance of a full disk.
    static func write(_ text: String) throws(SystemCallError) {
        try write(text, to: STDOUT_FILENO)
    }

    /// Writes one line to standard error. That it cannot be written has nobody to be told to.
    static func report(_ line: String) {
        try? write("lease-dump: \(line)\n", to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) throws(SystemCallError) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw SystemCallError("write")
            }
        }
    }
}
