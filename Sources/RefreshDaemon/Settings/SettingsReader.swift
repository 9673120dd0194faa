import Configuration

/// Reads settings, each from the first place that has it, and remembers what came from where and what was wrong.
struct SettingsReader {
    /// What is in force, for `--print-config`.
    struct Effective: Equatable {
        let key: SettingKey
        let value: String
        let origin: String
    }

    private let sources: [SettingsSource]
    /// In the order of reading.
    private(set) var effective: [Effective] = []
    /// What is wrong, and where.
    private(set) var problems: [String]

    /// - Parameter sources: the one that counts most first.
    init(_ sources: [SettingsSource]) {
        self.sources = sources
        problems = sources.flatMap(\.strangers)
    }

    /// Where a value of a setting was found, for messages.
    private(set) var origins: [SettingKey: String] = [:]

    /// Notes a problem, with the place of the setting that it is about.
    mutating func complain(_ key: SettingKey, _ text: String) {
        problems.append("\(origins[key] ?? key.rawValue): \(text)")
    }

    /// Notes a problem that no single setting has.
    mutating func complain(_ text: String) { problems.append(text) }

    mutating func string(_ key: SettingKey) -> String? {
        guard case .string(let value)? = find(key, .string, "a string") else { return nil }
        note(key, value)
        return value
    }

    mutating func strings(_ key: SettingKey) -> [String] {
        guard case .stringArray(let values)? = find(key, .stringArray, "a list of strings") else { return [] }
        note(key, values.joined(separator: " "))
        return values
    }

    mutating func number(_ key: SettingKey, default standard: Double, in range: ClosedRange<Double>) -> Double {
        guard case .double(let value)? = find(key, .double, "a number") else { return standard }
        note(key, "\(value)")
        guard range.contains(value) else {
            complain(key, "must be from \(range.lowerBound) to \(range.upperBound)")
            return standard
        }
        return value
    }

    mutating func flag(_ key: SettingKey) -> Bool {
        guard case .bool(let value)? = find(key, .bool, "true or false") else { return false }
        note(key, "\(value)")
        return value
    }

    /// Notes a value that no source gave.
    mutating func note(_ key: SettingKey, _ value: String, from origin: String? = nil) {
        effective.removeAll { $0.key == key }
        effective.append(Effective(key: key, value: value, origin: origin ?? origins[key] ?? "default"))
    }

    private mutating func find(_ key: SettingKey, _ type: ConfigType, _ form: String) -> ConfigContent? {
        for source in sources {
            let place = source.place(key)
            do {
                guard let found = try source.value(key, type) else { continue }
                origins[key] = place
                return found
            } catch {
                problems.append("\(place): must be \(form)")
                return nil
            }
        }
        return nil
    }
}
