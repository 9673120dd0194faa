import Glibc

/// Reads lines.
package struct LineReader {
    /// Where it reads.
    package let descriptor: Int32
    private var buffer: [UInt8] = []

    /// Reads `descriptor`, which stays the caller's to close.
    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// The next line without its end; `nil` at the end of the input.
    package mutating func next() -> [UInt8]? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeSubrange(...end) }
                return Array(buffer[..<end])
            }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return nil }
            buffer += chunk[..<count]
        }
    }

    /// The lines that are complete after one more read; none at the end of the input.
    package mutating func available() -> [[UInt8]] {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &chunk, chunk.count)
        guard count > 0 else { return [] }
        buffer += chunk[..<count]
        guard let end = buffer.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        defer { buffer.removeSubrange(...end) }
        return buffer[..<end].split(separator: UInt8(ascii: "\n")).map(Array.init)
    }
}
