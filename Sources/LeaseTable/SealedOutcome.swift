/// A result or failure, encrypted so that only who has the old refresh token can read it.
///
/// AES-256-GCM (NIST SP 800-38D) under the key's sealing key, with 96 random bits of nonce for every sealing.
/// The associated data is 59 bytes: format version (16-bit little-endian), kind (one byte), record key (32),
/// environment id (16), sealing generation's transaction (64-bit little-endian). So an outcome that is moved
/// to another key, environment or generation, or passed off as another kind, does not open.
///
/// Immutable: thread- and fork-safe.
public struct SealedOutcome: Hashable, Sendable {
    /// What it says.
    public let kind: OutcomeKind
    /// The tenure that sealed it. A record stores only the transaction, so its environment must be the
    /// record's.
    public let generation: Generation
    /// Nonce (12 bytes), ciphertext (as long as the plaintext), tag (16 bytes).
    public let sealed: [UInt8]

    init(kind: OutcomeKind, generation: Generation, sealed: [UInt8]) {
        self.kind = kind
        self.generation = generation
        self.sealed = sealed
    }

    /// The most that can be sealed: a body of 64 KiB with 4 KiB of framing around it.
    public static let longestPlaintext = 68 * 1024
    // What sealing adds: nonce and tag.
    static let overhead = SealingKey.nonceLength + SealingKey.tagLength
    // The lengths that ``sealed`` can have.
    static let lengths = overhead...(overhead + longestPlaintext)

    /// The length in bytes of what was sealed.
    public var plaintextCount: Int { sealed.count - Self.overhead }

    /// Encrypts `plaintext` with a fresh nonce.
    ///
    /// `generation` is the sealer's own; where its environment has been replaced meanwhile, one of the
    /// environment that the outcome will be stored in.
    /// - Throws: ``SealingError`` for more than ``longestPlaintext`` bytes.
    public static func seal(
        plaintext: [UInt8], kind: OutcomeKind, generation: Generation, key: KeyMaterial
    ) throws(SealingError) -> SealedOutcome {
        if plaintext.count > longestPlaintext {
            throw .tooLong(length: plaintext.count, limit: longestPlaintext)
        }
        var sealed = [UInt8](repeating: 0, count: plaintext.count + overhead)
        let isSealed = unsafe sealed.withUnsafeMutableBytes { target in
            unsafe plaintext.withUnsafeBytes { bytes in
                unsafe withAssociatedData(kind: kind, generation: generation, key: key.recordKey) {
                    unsafe key.sealingKey.seal(bytes, authenticating: $0, to: target)
                }
            }
        }
        guard isSealed else { throw .cipherFailed }
        return SealedOutcome(kind: kind, generation: generation, sealed: sealed)
    }

    /// Decrypts an outcome.
    /// - Throws: ``UnsealError`` where it was sealed under another key, for another record, environment, generation
    ///   or kind, or has been altered.
    public static func open(_ outcome: SealedOutcome, key: KeyMaterial) throws(UnsealError) -> [UInt8] {
        let length = outcome.plaintextCount
        guard length >= 0 else { throw UnsealError() }
        var plaintext = [UInt8](repeating: 0, count: length)
        let isOpen = unsafe plaintext.withUnsafeMutableBytes { target in
            unsafe outcome.sealed.withUnsafeBytes { bytes in
                unsafe withAssociatedData(kind: outcome.kind, generation: outcome.generation, key: key.recordKey) {
                    unsafe key.sealingKey.open(bytes, authenticating: $0, to: target)
                }
            }
        }
        guard isOpen else { throw UnsealError() }
        return plaintext
    }

    private static func withAssociatedData<Result>(
        kind: OutcomeKind, generation: Generation, key: RecordKey, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        unsafe withUnsafeTemporaryAllocation(byteCount: 59, alignment: 8) { data in
            unsafe data.storeBytes(of: RecordCodec.formatVersion.littleEndian, as: UInt16.self)
            unsafe data.storeBytes(of: kind.rawValue, toByteOffset: 2, as: UInt8.self)
            unsafe key.withUnsafeBytes {
                unsafe UnsafeMutableRawBufferPointer(rebasing: data[3...]).copyMemory(from: $0)
            }
            let environment = generation.environment
            unsafe data.storeBytes(of: environment.high.bigEndian, toByteOffset: 35, as: UInt64.self)
            unsafe data.storeBytes(of: environment.low.bigEndian, toByteOffset: 43, as: UInt64.self)
            unsafe data.storeBytes(of: generation.transaction.littleEndian, toByteOffset: 51, as: UInt64.self)
            return unsafe body(UnsafeRawBufferPointer(data))
        }
    }
}

/// An outcome that cannot be sealed.
public enum SealingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The plaintext has `length` bytes, more than `limit`.
    case tooLong(length: Int, limit: Int)
    /// The cryptographic library refused; not known to happen.
    case cipherFailed

    /// One sentence with the remedy.
    public var description: String {
        switch self {
        case .tooLong(let length, let limit):
            "the outcome has \(length) bytes, more than the \(limit) that can be stored: publish a smaller one"
        case .cipherFailed: "AES-GCM failed while sealing an outcome"
        }
    }
}

/// A stored outcome that does not open: made with another key, moved, or altered.
public struct UnsealError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public var description: String {
        "a stored outcome does not open with this key: it was altered, or stored for another one"
    }
}
