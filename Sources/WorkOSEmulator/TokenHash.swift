import Crypto

/// What a token is called wherever it must not be shown: the first 16 hex digits of its SHA-256.
///
/// `printf %s TOKEN | sha256sum | cut -c1-16` gives the same.
struct TokenHash: Hashable, Sendable {
    /// 16 hex digits, lower case.
    let text: String

    /// The name of `token`.
    init(of token: String) {
        let digits = Array("0123456789abcdef".utf8)
        var hex: [UInt8] = []
        for byte in SHA256.hash(data: Array(token.utf8)).prefix(8) {
            hex.append(digits[Int(byte >> 4)])
            hex.append(digits[Int(byte & 15)])
        }
        text = String(decoding: hex, as: UTF8.self)
    }

    /// Takes a name that was given from outside; `nil` unless it is 16 hex digits.
    init?(text: String) {
        let lower = text.lowercased()
        guard lower.utf8.count == 16, lower.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
        self.text = lower
    }
}
