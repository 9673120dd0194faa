import CCryptoBoringSSL
import Glibc

/// HMAC-SHA256 (RFC 2104) under one key, whose two blocks are hashed once for all messages.
///
/// By the functions of swift-crypto's own BoringSSL: `SHA256` makes an object for every state, and copies and wipes it
/// several times, on the path that every stored result is found by.
@safe struct KeyedHash: Sendable {
    private static let blockSize = 64

    private var inner = SHA256_CTX()
    private var outer = SHA256_CTX()

    init(key: UnsafeRawBufferPointer) {
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.blockSize, alignment: 8) { block in
            unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
            if key.count > Self.blockSize {
                var hash = SHA256_CTX()
                unsafe CCryptoBoringSSL_SHA256_Init(&hash)
                unsafe CCryptoBoringSSL_SHA256_Update(&hash, key.baseAddress, key.count)
                unsafe CCryptoBoringSSL_SHA256_Final(block.baseAddress, &hash)
                wipe(&hash)
            } else {
                unsafe block.copyMemory(from: key)
            }
            unsafe Self.begin(&inner, with: block, turnedBy: 0x36)
            unsafe Self.begin(&outer, with: block, turnedBy: 0x36 ^ 0x5c)
            unsafe wipe(block)
        }
    }

    private static func begin(
        _ hash: inout SHA256_CTX, with block: UnsafeMutableRawBufferPointer, turnedBy pad: UInt8
    ) {
        for index in block.indices { unsafe block[index] ^= pad }
        unsafe CCryptoBoringSSL_SHA256_Init(&hash)
        unsafe CCryptoBoringSSL_SHA256_Update(&hash, block.baseAddress, block.count)
    }

    /// Writes the 32 bytes of the code of `message`.
    func write(codeOf message: UnsafeRawBufferPointer, to code: UnsafeMutableRawBufferPointer) {
        precondition(code.count == Int(SHA256_DIGEST_LENGTH))
        var hash = inner
        unsafe CCryptoBoringSSL_SHA256_Update(&hash, message.baseAddress, message.count)
        unsafe CCryptoBoringSSL_SHA256_Final(code.baseAddress, &hash)
        hash = outer
        unsafe CCryptoBoringSSL_SHA256_Update(&hash, code.baseAddress, code.count)
        unsafe CCryptoBoringSSL_SHA256_Final(code.baseAddress, &hash)
        wipe(&hash)
    }
}

/// Overwrites bytes that nobody will read again, so that the compiler may not leave it out.
func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    if let start = bytes.baseAddress { unsafe explicit_bzero(start, bytes.count) }
}

/// As ``wipe(_:)-(UnsafeMutableRawBufferPointer)``, for a value without references.
private func wipe<Value: BitwiseCopyable>(_ value: inout Value) {
    unsafe withUnsafeMutableBytes(of: &value) { unsafe wipe($0) }
}
