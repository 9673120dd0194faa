package import ProcessSupport

/// The keys of the database: `L` and the 32-byte record key, for leases; `E`, the instant as 8 bytes big-endian, and
/// the record key, for the order in which they may be removed.
package enum TableKeys {
    package static let leasePrefix = UInt8(ascii: "L")
    static let expiryPrefix = UInt8(ascii: "E")

    package static func lease(_ key: RecordKey) -> [UInt8] {
        unsafe withLease(key) { unsafe [UInt8]($0) }
    }

    package static func expiry(_ instant: BootInstant, _ key: RecordKey) -> [UInt8] {
        unsafe withExpiry(instant, key) { unsafe [UInt8]($0) }
    }

    /// Calls `body` with a lease's key, valid only during the call. Allocates nothing.
    static func withLease<Result, Failure: Error>(
        _ key: RecordKey, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The last byte of the first word is the first of the key.
        let bytes = (UInt64(leasePrefix).bigEndian, key)
        return try unsafe withUnsafeBytes(of: bytes) { all throws(Failure) in
            try unsafe body(UnsafeRawBufferPointer(rebasing: all[7...]))
        }
    }

    /// The same with a key of the order of expiry.
    static func withExpiry<Result, Failure: Error>(
        _ instant: BootInstant, _ key: RecordKey, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = (UInt64(expiryPrefix).bigEndian, instant.nanoseconds.bigEndian, key)
        return try unsafe withUnsafeBytes(of: bytes) { all throws(Failure) in
            try unsafe body(UnsafeRawBufferPointer(rebasing: all[7...]))
        }
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
