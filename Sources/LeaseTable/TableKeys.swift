package import ProcessSupport

/// The keys of the database: `L` and the 32-byte record key, for leases; `E`, the instant as 8 bytes big-endian, and
/// the record key, for the order in which they may be removed.
package enum TableKeys {
    package static let leasePrefix = UInt8(ascii: "L")
    static let expiryPrefix = UInt8(ascii: "E")

    package static func lease(_ key: RecordKey) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1 + RecordKey.byteCount)
        bytes.append(leasePrefix)
        unsafe key.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    package static func expiry(_ instant: BootInstant, _ key: RecordKey) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(9 + RecordKey.byteCount)
        bytes.append(expiryPrefix)
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: instant.nanoseconds >> shift))
        }
        unsafe key.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Takes an expiry key apart; `nil` for anything else.
    package static func parseExpiry(_ bytes: UnsafeRawBufferPointer) -> (instant: BootInstant, key: RecordKey)? {
        guard bytes.count == 9 + RecordKey.byteCount, unsafe bytes[0] == expiryPrefix else { return nil }
        let instant = unsafe bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let key = unsafe RecordKey(copying: UnsafeRawBufferPointer(rebasing: bytes[9...])) else { return nil }
        return (BootInstant(nanoseconds: instant), key)
    }

    /// Takes a lease key apart; `nil` for anything else.
    package static func parseLease(_ bytes: UnsafeRawBufferPointer) -> RecordKey? {
        guard bytes.count == 1 + RecordKey.byteCount, unsafe bytes[0] == leasePrefix else { return nil }
        return unsafe RecordKey(copying: UnsafeRawBufferPointer(rebasing: bytes[1...]))
    }
}
