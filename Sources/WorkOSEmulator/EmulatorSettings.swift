/// How the emulator behaves; everything here can be changed while it runs.
public struct EmulatorSettings: Sendable, Hashable {
    /// How long a refresh takes before it has any effect. Default none.
    public var delay: Duration = .zero
    /// How long after its first use a spent token is still accepted. Default not at all.
    public var replayGrace: Duration = .zero
    /// From `iat` to `exp` of an access token. Default 5 minutes.
    public var accessTokenLifetime: Duration = .seconds(300)
    /// Refreshes of one user; `nil` for no limit. Default 10 in 60 s, as upstream.
    public var userLimit: RateLimit? = RateLimit(count: 10, seconds: 60)
    /// Refreshes of everybody; `nil` for no limit. Default 500 in 10 s, as upstream.
    public var environmentLimit: RateLimit? = RateLimit(count: 500, seconds: 10)
    /// `Retry-After` of a refusal by a limit, in seconds; `nil` (the default) for the time until there is room.
    public var retryAfter: Int?
    /// The only client identifier accepted; `nil` accepts any.
    public var clientID: String?
    /// The only API key accepted; `nil` accepts any, and none.
    public var apiKey: String?

    /// The defaults.
    public init() {}
}

extension EmulatorSettings {
    private static let names: Set = [
        "delay_ms", "replay_grace_s", "access_token_ttl_s", "user_limit", "environment_limit",
        "retry_after_s",
        "client_id", "api_key",
    ]

    /// These settings with the changes of a control body. Nothing is changed when any of it is wrong.
    func applying(_ patch: JSONValue) throws(ControlError) -> EmulatorSettings {
        let fields = try JSONFields(patch, path: "settings", allowed: Self.names)
        var changed = self
        if let milliseconds = try fields.integer("delay_ms", in: 0...3_600_000) {
            changed.delay = .milliseconds(milliseconds)
        }
        if let grace = try fields.seconds("replay_grace_s", upTo: 86_400) { changed.replayGrace = grace }
        if let lifetime = try fields.integer("access_token_ttl_s", in: 1...31_536_000) {
            changed.accessTokenLifetime = .seconds(lifetime)
        }
        changed.userLimit = try Self.limit(fields, "user_limit", current: userLimit)
        changed.environmentLimit = try Self.limit(fields, "environment_limit", current: environmentLimit)
        if fields.has("retry_after_s") {
            changed.retryAfter = try fields.integer("retry_after_s", in: 0...86_400)
        }
        if fields.has("client_id") { changed.clientID = try fields.string("client_id") }
        if fields.has("api_key") { changed.apiKey = try fields.string("api_key") }
        return changed
    }

    private static func limit(
        _ fields: JSONFields, _ name: String, current: RateLimit?
    ) throws(ControlError) -> RateLimit? {
        guard let text = try fields.string(name) else { return current }
        if text == "off" { return nil }
        guard let limit = RateLimit(text) else {
            throw fields.wrong(name, "must be \"N/SECONDS\", for example \"10/60\", or \"off\"")
        }
        return limit
    }

    /// As `GET /_emulator/settings` shows them; of the API key only whether there is one.
    var json: JSONValue {
        [
            "delay_ms": .integer(
                delay.components.seconds * 1000 + delay.components.attoseconds / 1_000_000_000_000_000),
            "replay_grace_s": .number(replayGrace / .seconds(1)),
            "access_token_ttl_s": .integer(accessTokenLifetime.components.seconds),
            "user_limit": .string(userLimit?.description ?? "off"),
            "environment_limit": .string(environmentLimit?.description ?? "off"),
            "retry_after_s": retryAfter.map { .integer(Int64($0)) } ?? .null,
            "client_id": clientID.map(JSONValue.string) ?? .null,
            "api_key_required": .bool(apiKey != nil),
        ]
    }
}
