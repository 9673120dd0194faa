import Configuration
import Foundation

/// One of the places that settings come from.
struct SettingsSource: Sendable {
    /// Why a file cannot be used.
    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }

    private let lookUp: @Sendable (AbsoluteConfigKey, ConfigType) throws -> LookupResult
    /// Where a key is found there, for messages.
    let place: @Sendable (SettingKey) -> String
    /// What stands there that is no setting.
    var strangers: [String] = []

    /// The value of a key, or `nil`; throws where it is of another type.
    func value(_ key: SettingKey, _ type: ConfigType) throws -> ConfigContent? {
        try lookUp(AbsoluteConfigKey([key.rawValue]), type).value?.content
    }

    /// The options that were given.
    static func commandLine(_ values: [SettingKey: ConfigContent]) -> SettingsSource {
        let provider = InMemoryProvider(
            values: Dictionary(
                uniqueKeysWithValues: values.map {
                    (AbsoluteConfigKey([$0.rawValue]), ConfigValue($1, isSecret: false))
                }))
        return SettingsSource(lookUp: provider.value, place: { "--\($0.rawValue)" })
    }

    /// The environment; a variable that is empty counts as absent.
    static func environment(_ variables: [String: String]) -> SettingsSource {
        let provider = EnvironmentVariablesProvider(environmentVariables: variables.filter { !$0.value.isEmpty })
            .prefixKeys(with: "refreshd")
        return SettingsSource(
            lookUp: provider.value,
            place: { "REFRESHD_\($0.rawValue.uppercased().replacing("-", with: "_"))" })
    }

    /// A file: one JSON object.
    static func file(_ path: String) throws(Unusable) -> SettingsSource {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Unusable(description: "\(path): cannot be read: \((error as NSError).localizedDescription)")
        }
        do {
            let snapshot = try JSONSnapshot(data: data.bytes, providerName: path, parsingOptions: .default)
            let known = Set(SettingKey.allCases.map(\.rawValue))
            let names = (try JSONSerialization.jsonObject(with: data) as? [String: Any])?.keys.sorted() ?? []
            return SettingsSource(
                lookUp: snapshot.value, place: { "\(path): \"\($0.rawValue)\"" },
                strangers: names.filter { !known.contains($0) }.map { "\(path): \"\($0)\" is no setting" })
        } catch {
            let words = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String
            throw Unusable(description: "\(path): not one JSON object: \(words ?? "\(error)")")
        }
    }
}
