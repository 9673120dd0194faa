/// Bytes that are not a record this code can have written.
public enum RecordDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// They end early; `length` bytes are there.
    case truncated(length: Int)
    /// More bytes follow than the header says.
    case trailingBytes(Int)
    /// They were written by another version of the format.
    case unsupportedVersion(UInt16)
    /// The state is none of the known ones.
    case unknownState(UInt8)
    /// The last failure's kind is none of the known ones.
    case unknownKind(UInt8)
    /// A byte that must be zero is not.
    case reservedNotZero
    /// Each field could be, but not all together.
    case inconsistent(RecordInconsistency)

    /// One sentence.
    public var description: String {
        switch self {
        case .truncated(let length): "the lease record is cut short at \(length) bytes"
        case .trailingBytes(let count): "the lease record has \(count) bytes too many"
        case .unsupportedVersion(let version):
            "the lease record has format version \(version), this program reads \(RecordCodec.formatVersion): "
                + "let all processes use one version, or give each version a directory of its own"
        case .unknownState(let state): "the lease record has the unknown state \(state)"
        case .unknownKind(let kind): "the lease record has a failure of the unknown kind \(kind)"
        case .reservedNotZero: "the lease record has a reserved byte that is not zero"
        case .inconsistent(let inconsistency):
            "the lease record contradicts itself: \(inconsistency.rawValue)"
        }
    }
}

/// A record that must not be written, since nobody could read it.
public struct RecordEncodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with it.
    public let inconsistency: RecordInconsistency

    /// One sentence.
    public var description: String { "the lease record would contradict itself: \(inconsistency.rawValue)" }
}
