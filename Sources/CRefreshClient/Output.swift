import CRefreshClientHeader
import Glibc

/// Writes into what a program gives.
enum Output {
    /// Copies a text and a NUL, cut between two characters where it is longer than there is room.
    static func copy(_ text: String, to target: UnsafeMutableRawBufferPointer) {
        var text = text
        text.withUTF8 { bytes in
            var count = min(bytes.count, target.count - 1)
            if count < bytes.count {
                // A byte 10xxxxxx goes on with the character before it.
                while count > 0, unsafe bytes[count] & 0xc0 == 0x80 { count -= 1 }
            }
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: bytes.baseAddress, count: count))
            unsafe target[count] = 0
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
