/// A form (`application/x-www-form-urlencoded`) read so strictly that no two parsers can differ about it: no name twice,
/// nothing without a value, no broken escape.
enum FormFields {
    /// The fields of `text`; `nil` for anything else.
    static func fields(of text: [UInt8]) -> [String: String]? {
        var fields: [String: String] = [:]
        for pair in text.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = decoded(parts[0]), let value = decoded(parts[1]), !name.isEmpty,
                fields.updateValue(value, forKey: name) == nil
            else { return nil }
        }
        return fields
    }

    /// The text of `fields`, in order.
    static func text(_ fields: [(String, String)]) -> [UInt8] {
        Array(fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&").utf8)
    }

    /// A text with everything escaped but letters, digits and `-._~`.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }

    /// The text of escaped bytes; `nil` where an escape is broken, or what comes of it is not UTF-8.
    static func decoded(_ bytes: some Sequence<UInt8>) -> String? {
        var rest = Array(bytes)[...]
        var decoded: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): decoded.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst(), let low = rest.popFirst(),
                    let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16),
                    high != UInt8(ascii: "+")
                else { return nil }
                decoded.append(value)
            case 0x21...0x7e: decoded.append(byte)
            default: return nil
            }
        }
        guard (try? UTF8Span(validating: decoded.span)) != nil, !decoded.contains(0) else { return nil }
        return String(decoding: decoded, as: UTF8.self)
    }
}
