/// Appends little-endian integers and length-prefixed text.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    mutating func append(_ value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func append(contentsOf more: some Collection<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Cuts the text where it is longer than `limit` bytes.
    mutating func append(text: String, limit: Int) {
        let kept = text.utf8.prefix(limit)
        append(UInt16(kept.count))
        bytes.append(contentsOf: kept)
    }
}

/// Takes them apart; every method answers `nil` where the bytes do not reach.
struct ByteReader {
    private var remaining: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        remaining = bytes[...]
    }

    var isAtEnd: Bool { remaining.isEmpty }

    mutating func byte() -> UInt8? { remaining.popFirst() }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count <= remaining.count else { return nil }
        let taken = remaining.prefix(count)
        remaining = remaining.dropFirst(count)
        return Array(taken)
    }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
        guard let taken = bytes(Value.bitWidth / 8) else { return nil }
        return taken.reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }

    mutating func text() -> String? {
        guard let count = integer(UInt16.self), let taken = bytes(Int(count)) else { return nil }
        return String(decoding: taken, as: UTF8.self)
    }

    mutating func rest() -> [UInt8] {
        let taken = Array(remaining)
        remaining = []
        return taken
    }
}
