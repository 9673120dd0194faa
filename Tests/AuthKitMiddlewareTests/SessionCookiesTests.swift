import AuthKit
import HTTPTypes
import Testing
import WorkOS

@testable import AuthKitMiddleware

/// Names, parts and attributes of the cookies.
struct SessionCookiesTests {
    private let key = SessionKey.random()

    private func session(_ length: Int, user: Int = 0) -> AuthKitSession {
        AuthKitSession(
            accessToken: String(repeating: "a", count: length), refreshToken: "rt",
            user: .object(["id": .string("user_1"), "more": .string(String(repeating: "u", count: user))]))
    }

    private func pairs(_ fields: [String]) -> [String] { fields.map { String($0.prefix { $0 != ";" }) } }

    @Test(arguments: [(10, 1), (2_000, 1), (2_900, 1), (3_000, 2), (5_900, 2), (6_000, 3), (8_000, 3)])
    func `a session of any length that fits comes back, in parts of 4,096 bytes at the most`(length: Int, parts: Int)
        throws
    {
        let cookies = try SessionCookies(key: key)
        let set = try cookies.setting(session(length))
        #expect(set.allSatisfy { $0.utf8.count <= 4_096 })
        #expect(set.count == parts)
        let together = cookies.find(in: [pairs(set).joined(separator: "; ")])
        #expect(together.session == session(length))
        #expect(together.parts == Set(0..<set.count))
        // In any order, in fields of their own, among others.
        #expect(cookies.find(in: ["a=b"] + pairs(set).reversed() + ["c"]).session == session(length))
    }

    @Test func `what is too long goes without the user's description, and only that`() throws {
        let cookies = try SessionCookies(key: key)
        let found = cookies.find(in: pairs(try cookies.setting(session(7_000, user: 3_000))))
        #expect(found.session?.accessToken == session(7_000).accessToken)
        #expect(found.session?.refreshToken == "rt")
        #expect(found.session?.user == nil)
    }

    @Test func `what is too long all the same is an error that says how long`() throws {
        let cookies = try SessionCookies(key: key)
        let error = #expect(throws: SessionCookieError.self) { try cookies.setting(session(10_000)) }
        guard case .tooLarge(let bytes, let limit)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(bytes > 13_000 && limit > 11_900 && limit < 12_288)
        var wide = SessionCookieConfiguration()
        wide.maximumParts = 8
        #expect(try SessionCookies(key: key, configuration: wide).setting(session(10_000)).count == 4)
    }

    @Test func `parts left over from a longer session are ignored, and removed`() throws {
        let cookies = try SessionCookies(key: key)
        let (long, short) = (
            try cookies.setting(session(7_000)), try cookies.setting(session(10), replacing: [0, 1, 2])
        )
        #expect(long.count == 3)
        #expect(short.count == 3)
        #expect(short.dropFirst().allSatisfy { $0.contains("=; Max-Age=0; Path=/") })
        let mixed = pairs(Array(short.prefix(1)) + Array(long.dropFirst()))
        #expect(cookies.find(in: mixed).session == session(10))
        #expect(cookies.find(in: mixed).parts == [0, 1, 2])
    }

    @Test func `a part that is missing, changed or of another session opens nothing`() throws {
        let cookies = try SessionCookies(key: key)
        let (one, other) = (pairs(try cookies.setting(session(4_000))), pairs(try cookies.setting(session(4_001))))
        #expect(cookies.find(in: [one[0]]).session == nil)
        #expect(cookies.find(in: [one[1]]).session == nil)
        #expect(cookies.find(in: [one[0], other[1]]).session == nil)
        #expect(cookies.find(in: [one[0], one[1] + "A"]).session == nil)
        for count in ["0", "-1", "9", "x", ""] {
            #expect(cookies.find(in: ["wos-session=\(count).AAAA"]).session == nil)
        }
    }

    @Test func `a session sealed for one cookie does not open as another`() throws {
        var configuration = SessionCookieConfiguration()
        configuration.name = "other"
        let other = try SessionCookies(key: key, configuration: configuration)
        let pair = pairs(try SessionCookies(key: key).setting(session(10)))[0]
        #expect(other.find(in: ["other" + pair.dropFirst("wos-session".count)]).session == nil)
    }

    @Test func `attributes are as configured`() throws {
        var configuration = SessionCookieConfiguration()
        configuration.name = "s"
        configuration.domain = "example.com"
        configuration.path = "/app"
        configuration.isSecure = false
        configuration.sameSite = .strict
        configuration.maximumAge = 60
        let field = try SessionCookies(key: key, configuration: configuration).setting(session(10))[0]
        #expect(field.hasSuffix("; Max-Age=60; Domain=example.com; Path=/app; HttpOnly; SameSite=Strict"))
    }

    @Test(
        arguments: [
            { $0.name = "" }, { $0.name = "a=b" }, { $0.name = "a b" }, { $0.path = "app" }, { $0.path = "/;x" },
            { $0.domain = "a;b" }, { $0.domain = "" }, { $0.maximumAge = 0 }, { $0.maximumParts = 0 },
            { $0.maximumParts = 9 },
            { ($0.sameSite, $0.isSecure) = (.none, false) }, { ($0.name, $0.isSecure) = ("__Secure-s", false) },
            { ($0.name, $0.path) = ("__Host-s", "/app") }, { ($0.name, $0.domain) = ("__Host-s", "example.com") },
        ] as [@Sendable (inout SessionCookieConfiguration) -> Void])
    func `a configuration that browsers would not take is refused`(
        change: @Sendable (inout SessionCookieConfiguration) -> Void
    ) {
        var configuration = SessionCookieConfiguration()
        change(&configuration)
        #expect(throws: SessionCookieError.self) { try SessionCookies(key: key, configuration: configuration) }
    }
}
