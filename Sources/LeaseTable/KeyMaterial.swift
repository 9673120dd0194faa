/// What is derived from ``KeyParts``: the name of the record and the key its outcomes are sealed with.
///
/// HKDF-SHA256 (RFC 5869), extracted once and expanded twice:
///
/// | step | input |
/// |---|---|
/// | extract | input keying material: the refresh token's UTF-8 bytes; salt: the encoding below |
/// | expand to 32 bytes, the record key | info: the ASCII bytes of `refreshd record key v1` |
/// | expand to 32 bytes, the sealing key | info: the ASCII bytes of `refreshd sealing key v1` |
///
/// The salt is the 15 ASCII bytes `refreshd key v1`, then six parts in this order: endpoint, client id,
/// organization id, scope, resource, audience. Each part is one byte `00` if it is absent; otherwise one byte
/// `01`, its length in bytes as 32-bit little-endian integer, and its UTF-8 bytes, as passed, without
/// normalization.
///
/// Immutable, and shows nothing of the sealing key when printed or reflected: thread- and fork-safe.
public struct KeyMaterial: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The name of the record in the table.
    public let recordKey: RecordKey
    let sealingKey: SealingKey

    /// Checks `parts` and derives both keys, some microseconds of hashing.
    /// - Throws: ``KeyPartsError`` where a part is not acceptable.
    public init(_ parts: KeyParts) throws(KeyPartsError) {
        try parts.validate()
        self.init(parts.refreshToken, salted: Self.salted(parts))
    }

    /// Derives both keys of a token that was checked; `salted` is a hash under the salt.
    init(_ refreshToken: String, salted: KeyedHash) {
        var token = refreshToken
        (recordKey, sealingKey) = unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { bytes in
            let pseudoRandomKey = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<32])
            let output = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[32...])
            token.withUTF8 { unsafe salted.write(codeOf: UnsafeRawBufferPointer($0), to: pseudoRandomKey) }
            let expanding = unsafe KeyedHash(key: UnsafeRawBufferPointer(pseudoRandomKey))
            unsafe Self.recordKeyInfo.withUnsafeBytes { unsafe expanding.write(codeOf: $0, to: output) }
            let recordKey = unsafe RecordKey(copying: UnsafeRawBufferPointer(output))
            unsafe Self.sealingKeyInfo.withUnsafeBytes { unsafe expanding.write(codeOf: $0, to: output) }
            let sealingKey = unsafe SealingKey(copying: UnsafeRawBufferPointer(output))
            unsafe wipe(bytes)
            guard let recordKey else { preconditionFailure("a hash of 32 bytes is no record key") }
            return (recordKey, sealingKey)
        }
    }

    /// The hash under the salt of `parts`, whose token makes no difference.
    static func salted(_ parts: KeyParts) -> KeyedHash {
        unsafe salt(parts).withUnsafeBytes { unsafe KeyedHash(key: $0) }
    }

    private static let saltLabel = Array("refreshd key v1".utf8)
    // The output of 32 bytes is the first block alone, whose number follows the info.
    private static let recordKeyInfo = Array("refreshd record key v1".utf8) + [1]
    private static let sealingKeyInfo = Array("refreshd sealing key v1".utf8) + [1]

    // No valid encoding is the beginning of another one, so HMAC, which pads its key with zero bytes, cannot
    // confuse two of them.
    private static func salt(_ parts: KeyParts) -> [UInt8] {
        let encoded = [
            parts.endpoint, parts.clientID, parts.organizationID, parts.scope, parts.resource, parts.audience,
        ]
        var salt: [UInt8] = []
        salt.reserveCapacity(encoded.reduce(saltLabel.count) { $0 + 5 + ($1?.utf8.count ?? 0) })
        salt += saltLabel
        for part in encoded {
            guard let part else {
                salt.append(0)
                continue
            }
            let length = UInt32(part.utf8.count)
            salt.append(1)
            for shift in [0, 8, 16, 24] as [UInt32] {
                salt.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            salt += part.utf8
        }
        return salt
    }

    /// The record key's short form.
    public var description: String { "KeyMaterial(\(recordKey.shortDescription))" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The same as ``description``, so that `dump` does not show the sealing key.
    public var customMirror: Mirror { Mirror(self, children: ["recordKey": recordKey.shortDescription]) }
}
