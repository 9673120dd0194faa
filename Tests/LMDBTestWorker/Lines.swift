import Glibc

/// The next line of standard input, or `nil` at its end. Reads byte by byte: a forked child reads on where its
/// parent stopped.
func readCommand() -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
        let count = read(0, &byte, 1)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return nil }
        if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
        bytes.append(byte)
    }
}

/// Writes one line to standard output.
func answer(_ text: String) {
    let bytes = Array((text.replacing("\n", with: " ") + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}
