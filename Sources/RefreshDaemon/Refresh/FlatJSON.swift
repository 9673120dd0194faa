import Foundation

/// A JSON object whose members are strings or `null`, read so strictly that no two parsers can differ about it: no name
/// twice, no other values, nothing before or after it.
enum FlatJSON {
    /// The members of `text`, `null` ones left out; `nil` for anything else.
    static func members(of text: [UInt8]) -> [String: String]? {
        guard (try? UTF8Span(validating: text.span)) != nil else { return nil }
        var cursor = Cursor(rest: text[...])
        guard cursor.take("{") else { return nil }
        var members: [String: String] = [:]
        var names: Set<String> = []
        if cursor.take("}") { return cursor.isAtEnd ? members : nil }
        while true {
            guard let name = cursor.string(), cursor.take(":"), names.insert(name).inserted else { return nil }
            if cursor.takeNull() {
            } else if let value = cursor.string() {
                members[name] = value
            } else {
                return nil
            }
            if cursor.take("}") { return cursor.isAtEnd ? members : nil }
            guard cursor.take(",") else { return nil }
        }
    }

    private struct Cursor {
        var rest: ArraySlice<UInt8>

        mutating func skipBlanks() {
            while let byte = rest.first, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { rest.removeFirst() }
        }

        var isAtEnd: Bool {
            mutating get {
                skipBlanks()
                return rest.isEmpty
            }
        }

        mutating func take(_ sign: Unicode.Scalar) -> Bool {
            skipBlanks()
            guard rest.first == UInt8(ascii: sign) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func takeNull() -> Bool {
            skipBlanks()
            guard rest.starts(with: "null".utf8) else { return false }
            rest.removeFirst(4)
            return true
        }

        /// A string, its escapes left to the decoder of the standard library's.
        mutating func string() -> String? {
            skipBlanks()
            guard rest.first == UInt8(ascii: "\"") else { return nil }
            var end = rest.startIndex + 1
            var isEscaped = false
            while end < rest.endIndex, isEscaped || rest[end] != UInt8(ascii: "\"") {
                if rest[end] < 0x20 { return nil }
                isEscaped = !isEscaped && rest[end] == UInt8(ascii: "\\")
                end += 1
            }
            guard end < rest.endIndex else { return nil }
            let literal = rest[rest.startIndex...end]
            rest = rest[(end + 1)...]
            if !literal.contains(UInt8(ascii: "\\")) {
                return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
            }
            return try? JSONDecoder().decode(String.self, from: Data(literal))
        }
    }
}
