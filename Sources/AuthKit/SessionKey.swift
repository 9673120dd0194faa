import Crypto
import FoundationEssentials

/// A secret that sealed sessions are made with: 32 random bytes, from which what is needed is derived.
///
/// A plain value: thread- and fork-safe. It never prints itself.
public struct SessionKey: Sendable {
    let sealing: SymmetricKey
    let naming: SymmetricKey
    /// Tells keys apart in a sealed session; says nothing about the key.
    let identifier: [UInt8]

    /// Takes 32 bytes, for instance from `openssl rand 32`.
    ///
    /// - Throws: ``SessionKeyError`` for any other number of bytes.
    public init(bytes: [UInt8]) throws(SessionKeyError) {
        guard bytes.count == 32 else { throw SessionKeyError(found: bytes.count) }
        self.init(secret: SymmetricKey(data: bytes))
    }

    private init(secret: SymmetricKey) {
        func derive(_ label: String, _ count: Int) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: secret, info: Data("refreshd authkit session 1: \(label)".utf8),
                outputByteCount: count)
        }
        sealing = derive("sealing", 32)
        naming = derive("nonce", 32)
        identifier = derive("key id", 8).withUnsafeBytes { [UInt8]($0) }
    }

    /// Takes 32 bytes in base64, for instance from `openssl rand -base64 32`.
    ///
    /// - Throws: ``SessionKeyError`` where the text is no base64 of 32 bytes.
    public init(base64: String) throws(SessionKeyError) {
        try self.init(bytes: [UInt8](Data(base64Encoded: base64) ?? Data()))
    }

    /// A new key, for this process alone: for tests, and where sessions need not outlive it.
    public static func random() -> SessionKey {
        SessionKey(secret: SymmetricKey(size: .bits256))
    }
}

extension SessionKey: CustomStringConvertible, CustomReflectable {
    /// Nothing of the key.
    public var description: String { "SessionKey(withheld)" }

    /// No children, so that `dump` and debuggers do not print the key either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A key that is not 32 bytes long.
public struct SessionKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    let found: Int

    /// What is wrong, and the fix. Nothing of the key.
    public var description: String {
        "a session key must be 32 bytes, and this one has \(found): make one with `openssl rand -base64 32`"
    }
}
