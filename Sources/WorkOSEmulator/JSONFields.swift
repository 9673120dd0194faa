/// The fields of one object in a control body, read with errors that name the field.
///
/// A field that is absent or `null` reads as `nil`; one of another type, out of range, or unknown is an error.
struct JSONFields {
    private let path: String
    private let fields: [String: JSONValue]

    /// Takes an object apart; `path` is its place in the body, for the messages.
    init(_ value: JSONValue, path: String, allowed: Set<String>) throws(ControlError) {
        guard case .object(let fields) = value else {
            throw ControlError(message: "\(path) must be a JSON object.")
        }
        if let unknown = fields.keys.filter({ !allowed.contains($0) }).min() {
            throw ControlError(
                message: "\(path) has an unknown field \"\(unknown)\"; known are "
                    + allowed.sorted().joined(separator: ", ") + ".")
        }
        self.path = path
        self.fields = fields
    }

    /// Whether the field is there, `null` included.
    func has(_ name: String) -> Bool { fields[name] != nil }

    /// The field as it is, unless absent or `null`.
    func value(_ name: String) -> JSONValue? {
        fields[name].flatMap { $0 == .null ? nil : $0 }
    }

    /// A string that is not empty.
    func string(_ name: String) throws(ControlError) -> String? {
        guard let value = value(name) else { return nil }
        guard case .string(let text) = value, !text.isEmpty else {
            throw wrong(name, "must be a string that is not empty")
        }
        return text
    }

    /// A list of strings.
    func strings(_ name: String) throws(ControlError) -> [String]? {
        guard let value = value(name) else { return nil }
        guard case .array(let elements) = value else { throw wrong(name, "must be a list of strings") }
        let texts = elements.compactMap(\.text)
        guard texts.count == elements.count else { throw wrong(name, "must be a list of strings") }
        return texts
    }

    /// A whole number within `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(ControlError) -> Int? {
        guard let value = value(name) else { return nil }
        guard case .integer(let wide) = value, let number = Int(exactly: wide), range.contains(number) else {
            throw wrong(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A number of seconds, fractions allowed, from 0 to `limit`.
    func seconds(_ name: String, upTo limit: Int) throws(ControlError) -> Duration? {
        guard let value = value(name) else { return nil }
        switch value {
        case .integer(let seconds) where seconds >= 0 && seconds <= limit:
            return .seconds(seconds)
        case .number(let seconds) where seconds >= 0 && seconds <= Double(limit):
            return .seconds(seconds)
        default:
            throw wrong(name, "must be a number of seconds from 0 to \(limit)")
        }
    }

    /// An object, taken over as it is.
    func object(_ name: String) throws(ControlError) -> [String: JSONValue]? {
        guard let value = value(name) else { return nil }
        guard case .object(let fields) = value else { throw wrong(name, "must be a JSON object") }
        return fields
    }

    /// An error about one field.
    func wrong(_ name: String, _ complaint: String) -> ControlError {
        ControlError(message: "\(path).\(name) \(complaint).")
    }
}
