/// What is asked of bytes before a JSON decoder sees them.
enum JSONText {
    /// Nesting the decoder is given at most. It recurses, and runs on a thread with a small stack.
    private static let deepest = 64

    /// Whether `bytes` may be a JSON object in UTF-8 (RFC 8259 section 8.1) of sensible depth. The decoder would
    /// also take UTF-16 and UTF-32, which those who read the verbatim bytes later would not.
    static func isObject(_ bytes: [UInt8]) -> Bool {
        let blanks: [UInt8] = [0x20, 0x09, 0x0a, 0x0d]
        guard bytes.first(where: { !blanks.contains($0) }) == UInt8(ascii: "{"), !bytes.contains(0),
            (try? UTF8Span(validating: bytes.span)) != nil
        else { return false }
        // Few bytes that open anything, in strings or not: the usual answer, and no need to look closer.
        var openings = 0
        for byte in bytes { openings &+= byte | 0x20 == UInt8(ascii: "{") ? 1 : 0 }
        return openings <= deepest || depth(of: bytes) <= deepest
    }

    /// The deepest nesting of objects and arrays, brackets within strings left out.
    private static func depth(of bytes: [UInt8]) -> Int {
        var depth = 0
        var deepest = 0
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return deepest
    }
}
