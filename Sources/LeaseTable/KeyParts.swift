/// Everything that changes what the upstream would answer, and so what callers must have in common to share
/// one refresh.
///
/// Held in memory only. Printing, debugging and reflecting a value of this type show no token. Two sets of
/// parts are the same key exactly when their UTF-8 bytes are the same: compare ``KeyMaterial/recordKey``, not
/// the strings, since `String` equality also joins different spellings of one character. A plain value:
/// thread- and fork-safe.
public struct KeyParts: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Where the refresh is sent.
    public var endpoint: String
    /// The OAuth client identifier (RFC 6749 section 2.2).
    public var clientID: String
    /// The single-use token (RFC 6749 section 6). Never logged.
    public var refreshToken: String
    /// The organization to switch to, or `nil` for none.
    public var organizationID: String?
    /// The scope asked for (RFC 6749 section 6), or `nil` for none.
    public var scope: String?
    /// The resource indicator (RFC 8707), or `nil` for none.
    public var resource: String?
    /// The audience asked for, or `nil` for none.
    public var audience: String?

    /// Collects the parts. Nothing is checked yet; ``validate()`` and ``KeyMaterial/init(_:)`` do that.
    public init(
        endpoint: String, clientID: String, refreshToken: String, organizationID: String? = nil,
        scope: String? = nil, resource: String? = nil, audience: String? = nil
    ) {
        self.endpoint = endpoint
        self.clientID = clientID
        self.refreshToken = refreshToken
        self.organizationID = organizationID
        self.scope = scope
        self.resource = resource
        self.audience = audience
    }

    /// Longest refresh token in bytes of UTF-8: one short of 16 KiB.
    public static let longestToken = 16 * 1024 - 1
    /// Longest other part in bytes of UTF-8.
    public static let longestPart = 4 * 1024

    /// Checks every part.
    ///
    /// An absent optional part is no error. No part may be empty; the token may have up to ``longestToken``
    /// bytes, each other part up to ``longestPart`` and no control character (U+0000 to U+001F, U+007F to
    /// U+009F).
    /// - Throws: ``KeyPartsError`` for the first part that is not right.
    public func validate() throws(KeyPartsError) {
        try Self.checkToken(refreshToken)
        try Self.check(endpoint, .endpoint)
        try Self.check(clientID, .clientID)
        try Self.check(organizationID, .organizationID)
        try Self.check(scope, .scope)
        try Self.check(resource, .resource)
        try Self.check(audience, .audience)
    }

    static func checkToken(_ token: String) throws(KeyPartsError) {
        let length = token.utf8.count
        if length == 0 { throw KeyPartsError(part: .refreshToken, length: 0, problem: .empty) }
        if length > longestToken {
            throw KeyPartsError(part: .refreshToken, length: length, problem: .tooLong(limit: longestToken))
        }
    }

    private static func check(_ text: String?, _ part: KeyPartsError.Part) throws(KeyPartsError) {
        guard let text else { return }
        let length = text.utf8.count
        if length == 0 { throw KeyPartsError(part: part, length: 0, problem: .empty) }
        if length > longestPart {
            throw KeyPartsError(part: part, length: length, problem: .tooLong(limit: longestPart))
        }
        var offset = 0
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7f {
                throw KeyPartsError(part: part, length: length, problem: .controlCharacter(offset: offset))
            }
            // U+0080 to U+009F are C2 80 to C2 9F; C2 is never a continuation byte.
            if previous == 0xc2, byte <= 0x9f {
                throw KeyPartsError(
                    part: part, length: length, problem: .controlCharacter(offset: offset - 1))
            }
            previous = byte
            offset += 1
        }
    }

    /// The parts without the token.
    public var description: String {
        let optional = [
            ("organization", organizationID), ("scope", scope), ("resource", resource),
            ("audience", audience),
        ].compactMap { name, value in value.map { ", \(name): \($0)" } }
        return "KeyParts(endpoint: \(endpoint), client: \(clientID)\(optional.joined()))"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The same as ``description``, so that `dump` shows no token either.
    public var customMirror: Mirror { Mirror(self, children: ["parts": description]) }
}
