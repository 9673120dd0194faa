import Glibc

/// Output that is not the report.
package enum FileOutput {
    /// Writes text to standard error.
    package static func standardError(_ text: String) {
        _ = Pipes.write(Array(text.utf8), to: STDERR_FILENO)
    }
}
