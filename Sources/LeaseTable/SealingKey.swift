import CCryptoBoringSSL
import CCryptoBoringSSLShims
import CLinux

/// The AES-256 key of one token's outcomes. Its bytes are wiped when the last reference goes.
///
/// Encrypts by the functions of swift-crypto's own BoringSSL, from buffer to buffer: `AES.GCM` copies what it opens four
/// times on the way, through generic code, which took longer than the cipher. Immutable: thread- and fork-safe.
@safe final class SealingKey: @unchecked Sendable {
    static let byteCount = 32
    static let nonceLength = 12
    static let tagLength = 16

    // Changed by `init` and `deinit` alone.
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// Copies the key from exactly ``byteCount`` bytes.
    init(copying bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.byteCount)
        unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.copyMemory(from: bytes) }
    }

    deinit {
        unsafe withUnsafeMutableBytes(of: &words) { unsafe wipe($0) }
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe Swift.withUnsafeBytes(of: words) { unsafe body($0) }
    }

    /// Writes nonce, ciphertext and tag of `plaintext` to `sealed`, which is as long as the three; the nonce is random,
    /// from the kernel.
    ///
    /// - Returns: false where the kernel has no random bytes or the cipher refuses, neither of which is known to happen.
    func seal(
        _ plaintext: UnsafeRawBufferPointer, authenticating data: UnsafeRawBufferPointer,
        to sealed: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard sealed.count == Self.nonceLength + plaintext.count + Self.tagLength,
            let nonce = sealed.baseAddress,
            unsafe clinux_random(nonce, Self.nonceLength) == 0
        else { return false }
        let ciphertext = unsafe nonce + Self.nonceLength
        var tagLength = 0
        return unsafe withCipher { cipher in
            unsafe CCryptoBoringSSLShims_EVP_AEAD_CTX_seal_scatter(
                cipher, ciphertext, ciphertext + plaintext.count, &tagLength, Self.tagLength, nonce, Self.nonceLength,
                plaintext.baseAddress, plaintext.count, nil, 0, data.baseAddress, data.count) == 1
        }
    }

    /// Writes what was sealed to `plaintext`, which is as long.
    ///
    /// - Returns: false, with nothing written, where it was sealed otherwise or has been altered.
    func open(
        _ sealed: UnsafeRawBufferPointer, authenticating data: UnsafeRawBufferPointer,
        to plaintext: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard sealed.count == Self.nonceLength + plaintext.count + Self.tagLength,
            let nonce = sealed.baseAddress
        else { return false }
        let ciphertext = unsafe nonce + Self.nonceLength
        return unsafe withCipher { cipher in
            unsafe CCryptoBoringSSLShims_EVP_AEAD_CTX_open_gather(
                cipher, plaintext.baseAddress, nonce, Self.nonceLength, ciphertext, plaintext.count,
                ciphertext + plaintext.count, Self.tagLength, data.baseAddress, data.count) == 1
        }
    }

    private func withCipher(_ body: (UnsafePointer<EVP_AEAD_CTX>) -> Bool) -> Bool {
        unsafe withUnsafeTemporaryAllocation(of: EVP_AEAD_CTX.self, capacity: 1) { memory in
            guard let cipher = memory.baseAddress else { return false }
            let aead = unsafe CCryptoBoringSSL_EVP_aead_aes_256_gcm()
            let isReady = unsafe withUnsafeBytes { key in
                unsafe CCryptoBoringSSLShims_EVP_AEAD_CTX_init(cipher, aead, key.baseAddress, key.count, 0, nil) == 1
            }
            let isDone = unsafe isReady && body(cipher)
            // All that it keeps of the key is in that memory.
            unsafe CCryptoBoringSSL_EVP_AEAD_CTX_cleanup(cipher)
            unsafe wipe(UnsafeMutableRawBufferPointer(memory))
            return isDone
        }
    }
}
