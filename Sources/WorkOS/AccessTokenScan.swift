/// Looks for the access token in an answer of the usual kind, in one pass: a decoder takes ten times as long, while
/// everybody waits for the result.
///
/// It is sure or it is not: what it takes is JSON by RFC 8259, with what is rare in an answer left out. What it does not
/// take is for the decoder to judge.
@safe struct AccessTokenScan {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var isFound = false

    /// Deeper nesting than this is rare. The scan recurses, and runs on a thread with a small stack.
    private static let deepest = 32

    /// Whether `body` is, for sure, a JSON object in UTF-8 with one `access_token`, a string that is not empty and has no
    /// escapes.
    static func succeeds(in body: [UInt8]) -> Bool {
        guard (try? UTF8Span(validating: body.span)) != nil else { return false }
        return unsafe body.withUnsafeBytes { buffer in
            var scan = unsafe AccessTokenScan(bytes: buffer)
            return scan.isObjectWithToken()
        }
    }

    private init(bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    private mutating func isObjectWithToken() -> Bool {
        skipBlanks()
        guard take("{"), object(at: 1) else { return false }
        skipBlanks()
        return unsafe isFound && position == bytes.count
    }

    // MARK: Values

    /// The rest of an object whose brace was taken.
    private mutating func object(at depth: Int) -> Bool {
        skipBlanks()
        if take("}") { return true }
        repeat {
            skipBlanks()
            guard let name = string() else { return false }
            skipBlanks()
            guard take(":") else { return false }
            skipBlanks()
            guard depth == 1 ? member(name) : value(at: depth) else { return false }
            skipBlanks()
        } while take(",")
        return take("}")
    }

    /// The value of a member of the outermost object.
    private mutating func member(_ name: Text) -> Bool {
        // Written with escapes, it could be the one that is looked for.
        if name.hasEscapes { return false }
        guard isAccessToken(name) else { return value(at: 1) }
        guard !isFound, let token = string(), !token.hasEscapes, !token.range.isEmpty else { return false }
        isFound = true
        return true
    }

    private mutating func value(at depth: Int) -> Bool {
        guard depth < Self.deepest else { return false }
        switch next {
        case UInt8(ascii: "\""): return string() != nil
        case UInt8(ascii: "{"):
            position += 1
            return object(at: depth + 1)
        case UInt8(ascii: "["):
            position += 1
            return array(at: depth + 1)
        case UInt8(ascii: "t"): return take(literal: "true")
        case UInt8(ascii: "f"): return take(literal: "false")
        case UInt8(ascii: "n"): return take(literal: "null")
        default: return number()
        }
    }

    /// The rest of an array whose bracket was taken.
    private mutating func array(at depth: Int) -> Bool {
        skipBlanks()
        if take("]") { return true }
        repeat {
            skipBlanks()
            guard value(at: depth) else { return false }
            skipBlanks()
        } while take(",")
        return take("]")
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") {
            guard digits() else { return false }
        }
        if take("."), !digits() { return false }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            return digits()
        }
        return true
    }

    /// One digit or more.
    private mutating func digits() -> Bool {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position > start
    }

    // MARK: Strings

    private struct Text {
        /// Where it is, without its quotes.
        let range: Range<Int>
        let hasEscapes: Bool
    }

    private mutating func string() -> Text? {
        guard take("\"") else { return nil }
        let start = position
        var hasEscapes = false
        while true {
            skipPlainText()
            switch next {
            case UInt8(ascii: "\""):
                position += 1
                return Text(range: start..<(position - 1), hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                position += 1
                guard escape() else { return nil }
            // The end, or a control character.
            default: return nil
            }
        }
    }

    /// What follows a backslash.
    private mutating func escape() -> Bool {
        guard let byte = next else { return false }
        position += 1
        if byte != UInt8(ascii: "u") { return "\"\\/bfnrt".utf8.contains(byte) }
        for _ in 0..<4 {
            guard let digit = next, Character(UnicodeScalar(digit)).isHexDigit else { return false }
            position += 1
        }
        return true
    }

    /// Moves on to the next quote, backslash or control character.
    private mutating func skipPlainText() {
        // Eight bytes at once: subtracting leaves the highest bit of a byte only where that was below what was subtracted.
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highest = ones << 7
        var start = position
        let lastStart = unsafe bytes.count - 8
        while start <= lastStart {
            let word = unsafe bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5c)
            let special =
                (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | (word &- ones &* 0x20) & ~word
            if special & highest != 0 { break }
            start &+= 8
        }
        position = start
        while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
    }

    private func isAccessToken(_ name: Text) -> Bool {
        let sought: StaticString = "access_token"
        guard name.range.count == sought.utf8CodeUnitCount else { return false }
        for offset in 0..<sought.utf8CodeUnitCount {
            guard unsafe bytes[name.range.lowerBound + offset] == sought.utf8Start[offset] else { return false }
        }
        return true
    }

    // MARK: Bytes

    private var next: UInt8? {
        unsafe position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func take(literal: StaticString) -> Bool {
        for offset in 0..<literal.utf8CodeUnitCount {
            guard unsafe next == literal.utf8Start[offset] else { return false }
            position += 1
        }
        return true
    }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { position += 1 }
    }
}
