import FoundationEssentials

/// Identifiers and tokens in the upstream's form.
enum Identifier {
    private static let base32 = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let base62 = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// `prefix_` and a ULID: 48 bits of milliseconds, 80 random bits, in Crockford's base 32.
    static func make(_ prefix: String, at date: Date) -> String {
        var digits: [UInt8] = []
        let milliseconds = UInt64(clamping: Int64(date.timeIntervalSince1970 * 1000))
        for place in (0..<10).reversed() {
            digits.append(base32[Int(milliseconds >> (5 * UInt64(place)) & 31)])
        }
        for _ in 0..<16 { digits.append(base32[Int.random(in: 0..<32)]) }
        return prefix + "_" + String(decoding: digits, as: UTF8.self)
    }

    /// A refresh token: 25 letters and digits, about 149 random bits.
    static func refreshToken() -> String {
        String(decoding: (0..<25).map { _ in base62[Int.random(in: 0..<62)] }, as: UTF8.self)
    }
}
