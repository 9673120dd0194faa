import Crypto
import Glibc

/// HMAC-SHA256 (RFC 2104) under one key, whose two blocks are hashed once for all messages.
///
/// swift-crypto's own HMAC and HKDF are generic code that is not specialised across modules: the same bytes took them
/// nearly three times the instructions, on the path that every stored result is found by.
@safe struct KeyedHash {
    private static let blockSize = 64

    private var inner = SHA256()
    private var outer = SHA256()

    init(key: UnsafeRawBufferPointer) {
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.blockSize, alignment: 8) { block in
            unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
            if key.count > Self.blockSize {
                var hash = SHA256()
                unsafe hash.update(bufferPointer: key)
                unsafe hash.finalize().withUnsafeBytes { unsafe block.copyMemory(from: $0) }
            } else {
                unsafe block.copyMemory(from: key)
            }
            for index in block.indices { unsafe block[index] ^= 0x36 }
            unsafe inner.update(bufferPointer: UnsafeRawBufferPointer(block))
            for index in block.indices { unsafe block[index] ^= 0x36 ^ 0x5c }
            unsafe outer.update(bufferPointer: UnsafeRawBufferPointer(block))
            unsafe wipe(block)
        }
    }

    /// Writes the 32 bytes of the code of `message`.
    func write(codeOf message: UnsafeRawBufferPointer, to code: UnsafeMutableRawBufferPointer) {
        var hash = inner
        unsafe hash.update(bufferPointer: message)
        var last = outer
        unsafe hash.finalize().withUnsafeBytes { unsafe last.update(bufferPointer: $0) }
        unsafe last.finalize().withUnsafeBytes { unsafe code.copyMemory(from: $0) }
    }
}

/// Overwrites bytes that nobody will read again, so that the compiler may not leave it out.
func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    if let start = bytes.baseAddress { unsafe explicit_bzero(start, bytes.count) }
}
