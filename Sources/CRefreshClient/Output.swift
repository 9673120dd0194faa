import CRefreshClientHeader
import Glibc

/// Writes into what a program gives.
enum Output {
    /// The text, cut between two characters where it has more than `longest` bytes.
    static func cut(_ text: String, toBytes longest: Int) -> String {
        let end = text.utf8.index(text.utf8.startIndex, offsetBy: longest, limitedBy: text.utf8.endIndex)
        guard var end else { return text }
        while String.Index(end, within: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    /// Copies a text and a NUL, cut where there is not enough room.
    static func copy(_ text: String, to target: UnsafeMutableRawBufferPointer) {
        var kept = text.utf8.count < target.count ? text : cut(text, toBytes: target.count - 1)
        kept.withUTF8 { bytes in
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(bytes))
            unsafe target[bytes.count] = 0
        }
    }

    /// A copy of bytes with a NUL beyond their end, from malloc(3); `nil` where there is no memory.
    static func copied(_ bytes: [UInt8]) -> UnsafePointer<UInt8>? {
        guard let copy = unsafe malloc(bytes.count + 1) else { return nil }
        unsafe copy.copyMemory(from: bytes, byteCount: bytes.count)
        unsafe copy.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
        return unsafe UnsafePointer(copy.assumingMemoryBound(to: UInt8.self))
    }

    /// A whole number of milliseconds, up, so that who waits that long has not waited too short.
    static func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        let rest = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: max(0, seconds) * 1000 + max(0, rest))
    }
}
