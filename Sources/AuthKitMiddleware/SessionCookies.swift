public import AuthKit
public import HTTPTypes

/// Sessions as cookies: sealed, in parts that browsers take, each 4,096 bytes at the most with its name and attributes.
///
/// A plain value: thread- and fork-safe.
public struct SessionCookies: Sendable {
    /// RFC 6265 section 6.1: what browsers support at least, and in practice at most.
    private static let longestCookie = 4096
    private let configuration: SessionCookieConfiguration
    private let sealer: SessionSealer

    /// Makes the cookies' maker.
    ///
    /// - Parameters:
    ///   - key: seals, and opens. The same in all processes.
    ///   - retiredKeys: open only. To change the key: first add the new one here everywhere, then make it `key` and put
    ///     the old one here, and drop that when its sessions have been refreshed, which seals them anew, or have ended.
    /// - Throws: ``SessionCookieError/invalidConfiguration(_:)``.
    public init(
        key: SessionKey, retiredKeys: [SessionKey] = [],
        configuration: SessionCookieConfiguration = SessionCookieConfiguration()
    ) throws(SessionCookieError) {
        try configuration.validate()
        self.configuration = configuration
        sealer = SessionSealer(key: key, retiredKeys: retiredKeys, purpose: configuration.name)
    }

    /// What a request brought.
    struct Found {
        /// The session, where there is one that opens.
        var session: AuthKitSession?
        /// Which of our cookies there are, by their numbers: of this session, or left over from a longer one.
        var parts: Set<Int> = []
    }

    /// The values of `Set-Cookie` that keep a session. A session that is too long is kept without its user's
    /// description; the rest, the tokens above all, is never cut.
    ///
    /// - Parameter replacing: the parts that the browser has, so that those too many are removed.
    /// - Throws: ``SessionCookieError/tooLarge(bytes:limit:)`` or ``SessionCookieError/notSealable``.
    func setting(_ session: AuthKitSession, replacing: Set<Int> = []) throws(SessionCookieError) -> [String] {
        var slim = session
        slim.user = nil
        let room = Self.longestCookie - attributes(maximumAge: configuration.maximumAge).utf8.count
        let perPart = room - name(of: configuration.maximumParts).utf8.count - 1
        // The first part begins with how many there are, and a point.
        let limit = perPart * configuration.maximumParts - 2
        var text = try sealed(session)
        if text.utf8.count > limit { text = try sealed(slim) }
        guard text.utf8.count <= limit else { throw .tooLarge(bytes: text.utf8.count, limit: limit) }
        let count = (text.utf8.count + 2 + perPart - 1) / perPart
        var rest = Substring("\(count).\(text)")
        var fields: [String] = []
        for part in 0..<count {
            fields.append(
                "\(name(of: part))=\(rest.prefix(perPart))" + attributes(maximumAge: configuration.maximumAge))
            rest = rest.dropFirst(perPart)
        }
        return fields + removing(replacing.filter { $0 >= count })
    }

    /// The values of `Set-Cookie` that remove these parts.
    func removing(_ parts: Set<Int>) -> [String] {
        parts.sorted().map { "\(name(of: $0))=" + attributes(maximumAge: 0) }
    }

    /// What the values of a request's `Cookie` fields hold. Cookies that are not ours, or do not open, are no error.
    func find(in fields: [String]) -> Found {
        var found = Found()
        var values: [Int: Substring] = [:]
        for pair in fields.flatMap({ $0.split(separator: ";") }) {
            let trimmed = pair.drop { $0 == " " || $0 == "\t" }
            guard let equals = trimmed.firstIndex(of: "="), let part = part(named: trimmed[..<equals]) else {
                continue
            }
            // The first of that name: browsers send the one with the longest path first.
            if values[part] == nil { values[part] = trimmed[trimmed.index(after: equals)...] }
        }
        found.parts = Set(values.keys)
        guard let first = values[0], let point = first.firstIndex(of: "."), let count = Int(first[..<point]),
            (1...configuration.maximumParts).contains(count)
        else { return found }
        var text = String(first[first.index(after: point)...])
        for part in 1..<max(count, 1) {
            guard let value = values[part] else { return found }
            text += value
        }
        found.session = (try? sealer.unseal(text))?.session
        return found
    }

    /// Whether a response's `Set-Cookie` value is about our cookie.
    func concerns(_ field: String) -> Bool {
        field.firstIndex(of: "=").map { part(named: field[..<$0]) != nil } ?? false
    }

    private func sealed(_ session: AuthKitSession) throws(SessionCookieError) -> String {
        do throws(SessionSealer.Failure) {
            return try sealer.seal(session)
        } catch {
            throw .notSealable
        }
    }

    private func name(of part: Int) -> String {
        part == 0 ? configuration.name : "\(configuration.name).\(part)"
    }

    private func part(named name: some StringProtocol) -> Int? {
        (0..<8).first { self.name(of: $0) == name }
    }

    private func attributes(maximumAge: Int) -> String {
        var text = "; Max-Age=\(maximumAge)"
        if let domain = configuration.domain { text += "; Domain=\(domain)" }
        text += "; Path=\(configuration.path)"
        if configuration.isSecure { text += "; Secure" }
        return text + "; HttpOnly; SameSite=\(configuration.sameSite.rawValue)"
    }
}

extension SessionCookies {
    /// Adds to a response's header fields what keeps `session`: for the handler that signs a user in.
    ///
    /// - Throws: ``SessionCookieError/tooLarge(bytes:limit:)`` or ``SessionCookieError/notSealable``.
    public func keep(_ session: AuthKitSession, in fields: inout HTTPFields) throws(SessionCookieError) {
        let every = Set(0..<configuration.maximumParts)
        fields[values: .setCookie] += try setting(session, replacing: every)
    }

    /// Adds to a response's header fields what forgets the session: for the handler that signs a user out.
    public func forget(in fields: inout HTTPFields) {
        fields[values: .setCookie] += removing(Set(0..<configuration.maximumParts))
    }
}
