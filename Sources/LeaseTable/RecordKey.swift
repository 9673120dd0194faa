/// The 32 bytes under which a key's record is stored. One-way: nothing of the token can be had from it.
///
/// A plain value without allocation: thread- and fork-safe.
public struct RecordKey: Hashable, Sendable, CustomStringConvertible {
    /// Length of a record key in bytes.
    public static let byteCount = 32

    // The 32 bytes in memory order, as words so that hashing and comparing are cheap.
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// The key that `bytes` spell, or `nil` unless there are exactly 32 of them.
    public init?(bytes: [UInt8]) {
        guard let key = unsafe bytes.withUnsafeBytes({ unsafe RecordKey(copying: $0) }) else { return nil }
        self = key
    }

    /// The key that the 32 bytes at `bytes` spell, or `nil` for any other length. Copies; keeps no pointer.
    @unsafe public init?(copying bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.copyMemory(from: bytes) }
    }

    /// Calls `body` with the 32 bytes, valid only during the call.
    @unsafe public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe Swift.withUnsafeBytes(of: words, body)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }

    /// 64 hexadecimal digits.
    public var description: String { hexadecimal(bytes) }

    /// The first 12 hexadecimal digits: enough to tell keys apart in a log.
    public var shortDescription: String { hexadecimal(bytes.prefix(6)) }

    /// Whether all 32 bytes agree.
    public static func == (left: RecordKey, right: RecordKey) -> Bool { left.words == right.words }

    /// Feeds the bytes to `hasher`.
    public func hash(into hasher: inout Hasher) {
        // Any word is uniformly distributed already.
        hasher.combine(words.0)
    }
}
