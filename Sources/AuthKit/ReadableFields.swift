import WorkOS

/// The members of a JSON object that can be read.
///
/// A string or number that no Swift value can hold (an unpaired surrogate, `1e400`) shows only when it is read, and costs
/// its own member alone: what a user has for a first name must not decide over the session.
struct ReadableFields: Decodable {
    let object: JSONValue

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Name.self)
        var members: [String: JSONValue] = [:]
        for name in fields.allKeys {
            if let value = try? fields.decode(JSONValue.self, forKey: name) { members[name.stringValue] = value }
        }
        object = .object(members)
    }

    private struct Name: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { return nil }
    }
}
