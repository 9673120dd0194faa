import FoundationEssentials

/// Reading and writing ``JSONValue`` as bytes.
enum JSONText {
    /// Reads one JSON value; `nil` where the bytes are not JSON.
    static func parse(_ bytes: some Sequence<UInt8>) -> JSONValue? {
        try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    }

    /// Compact JSON with its keys in order, so that equal values give equal bytes.
    ///
    /// Throws for numbers that JSON cannot say (infinite or not a number).
    static func bytes(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }
}
