/// The target of a request line, in origin form (RFC 9112 section 3.2.1), as it came.
enum RequestTarget {
    /// Whether `target` is a path with or without a query, of nothing but the characters of RFC 3986: only then does the
    /// upstream get exactly these bytes, whoever parses them in between.
    static func isOriginForm(_ target: String) -> Bool {
        var bytes = Array(target.utf8)[...]
        guard bytes.first == UInt8(ascii: "/"), bytes.count <= 8192 else { return false }
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard bytes.popFirst().map(isHexadecimal) == true, bytes.popFirst().map(isHexadecimal) == true
                else { return false }
            } else if !isAllowed(byte) {
                return false
            }
        }
        return true
    }

    private static let punctuation = Set("-._~!$&'()*+,;=:@/?".utf8)

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: punctuation.contains(byte)
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
