import Crypto

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

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
    static let overhead = 12 + 16
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
        let box: AES.GCM.SealedBox
        do {
            box = try AES.GCM.seal(
                plaintext, using: key.sealingKey,
                authenticating: associatedData(kind: kind, generation: generation, key: key.recordKey))
        } catch {
            throw .cipherFailed
        }
        guard let combined = box.combined else { throw .cipherFailed }
        return SealedOutcome(kind: kind, generation: generation, sealed: [UInt8](combined))
    }

    /// Decrypts an outcome.
    /// - Throws: ``UnsealError`` where it was sealed under another key, for another record, environment, generation
    ///   or kind, or has been altered.
    public static func open(_ outcome: SealedOutcome, key: KeyMaterial) throws(UnsealError) -> [UInt8] {
        let data = associatedData(kind: outcome.kind, generation: outcome.generation, key: key.recordKey)
        do {
            let box = try AES.GCM.SealedBox(combined: outcome.sealed)
            var opened = try AES.GCM.open(box, using: key.sealingKey, authenticating: data)
            let plaintext = [UInt8](opened)
            // Our copy is the caller's; this one would stay readable in freed memory.
            opened.resetBytes(in: opened.startIndex..<opened.endIndex)
            return plaintext
        } catch {
            throw UnsealError()
        }
    }

    private static func associatedData(kind: OutcomeKind, generation: Generation, key: RecordKey) -> [UInt8] {
        var data: [UInt8] = []
        data.reserveCapacity(59)
        data.append(UInt8(truncatingIfNeeded: RecordCodec.formatVersion))
        data.append(UInt8(truncatingIfNeeded: RecordCodec.formatVersion >> 8))
        data.append(kind.rawValue)
        unsafe key.withUnsafeBytes { unsafe data.append(contentsOf: $0) }
        data += generation.environment.bytes
        for shift in stride(from: 0, to: 64, by: 8) {
            data.append(UInt8(truncatingIfNeeded: generation.transaction >> UInt64(shift)))
        }
        return data
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
