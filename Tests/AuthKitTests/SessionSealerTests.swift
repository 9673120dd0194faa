import AuthKit
import Testing
import WorkOS

struct SessionSealerTests {
    private let session = AuthKitSession(
        accessToken: "at", refreshToken: "rt",
        user: .object([
            "id": .string("user_1"), "a": .null, "b": .bool(true), "z": .array([.integer(1), .number(1.5)]),
        ]),
        impersonator: nil, organizationID: "org_1")

    @Test func `what is sealed comes back whole, and shows nothing`() throws {
        let sealer = SessionSealer(key: .random(), purpose: "p")
        let text = try sealer.seal(session)
        let opened = try sealer.unseal(text)
        #expect(opened.session == session)
        #expect(!opened.usedRetiredKey)
        #expect(text.utf8.allSatisfy { $0 < 0x7f && $0 > 0x2c })
        #expect(!text.contains("user_1"))
    }

    @Test func `equal sessions make equal texts in every process; others share no nonce`() throws {
        let key = Array(UInt8(0)..<32)
        let one = SessionSealer(key: try SessionKey(bytes: key), purpose: "p")
        let other = SessionSealer(key: try SessionKey(bytes: key), purpose: "p")
        #expect(try one.seal(session) == other.seal(session))
        var changed = session
        changed.refreshToken = "ru"
        let (a, b) = (try one.seal(session), try one.seal(changed))
        // Version and key id are 9 bytes, 12 characters; the nonce the next 16.
        #expect(a.prefix(12) == b.prefix(12))
        #expect(a.dropFirst(12).prefix(16) != b.dropFirst(12).prefix(16))
        let elsewhere = SessionSealer(key: try SessionKey(bytes: key), purpose: "q")
        #expect(try elsewhere.seal(session) != a)
    }

    @Test func `a retired key opens and is named; an unknown one does not`() throws {
        let (old, new) = (SessionKey.random(), SessionKey.random())
        let text = try SessionSealer(key: old, purpose: "p").seal(session)
        let opened = try SessionSealer(key: new, retiredKeys: [old], purpose: "p").unseal(text)
        #expect(opened.session == session)
        #expect(opened.usedRetiredKey)
        #expect(throws: SessionSealer.Failure.unknownKey) { try SessionSealer(key: new, purpose: "p").unseal(text) }
    }

    @Test func `every changed character is noticed`() throws {
        let sealer = SessionSealer(key: .random(), purpose: "p")
        let text = Array(try sealer.seal(session))
        for index in text.indices {
            var changed = text
            changed[index] = text[index] == "A" ? "B" : "A"
            #expect(throws: SessionSealer.Failure.self, "at \(index)") { try sealer.unseal(String(changed)) }
        }
    }

    @Test func `a text for another purpose does not open`() throws {
        let key = SessionKey.random()
        let text = try SessionSealer(key: key, purpose: "p").seal(session)
        #expect(throws: SessionSealer.Failure.notAuthentic) { try SessionSealer(key: key, purpose: "q").unseal(text) }
    }

    @Test(arguments: ["", "A", "AQ", "!", "AQ==", String(repeating: "A", count: 100)])
    func `what was never sealed does not open`(text: String) {
        #expect(throws: SessionSealer.Failure.malformed) {
            try SessionSealer(key: .random(), purpose: "p").unseal(text)
        }
    }

    @Test func `keys are 32 bytes and print nothing`() throws {
        #expect(throws: SessionKeyError.self) { try SessionKey(bytes: Array(repeating: 1, count: 31)) }
        #expect(throws: SessionKeyError.self) { try SessionKey(base64: "not base64") }
        let key = try SessionKey(base64: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        #expect("\(key) \(String(reflecting: key))".contains("withheld"))
    }
}
