/// The random 128-bit name of one LMDB environment: what makes a ``Generation`` unique although transaction
/// ids start again whenever an environment is built anew.
///
/// A plain value without allocation: thread- and fork-safe.
public struct EnvironmentID: Hashable, Sendable, CustomStringConvertible {
    // The 16 bytes, the first in the most significant place of `high`.
    let high: UInt64
    let low: UInt64

    /// A fresh random name, from the kernel's generator (safe after a fork).
    public init() {
        var generator = SystemRandomNumberGenerator()
        high = generator.next()
        low = generator.next()
    }

    /// The name that `bytes` spell, or `nil` unless there are exactly 16 of them.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The 16 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for word in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes
    }

    /// 32 hexadecimal digits.
    public var description: String { hexadecimal(bytes) }
}
