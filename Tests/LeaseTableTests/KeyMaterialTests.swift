import Crypto
import Testing

@testable import LeaseTable

struct KeyMaterialTests {
    static let plain = KeyParts(
        endpoint: "https://api.workos.com", clientID: "client_123", refreshToken: "rt_first")
    static let full = KeyParts(
        endpoint: "https://api.workos.com/user_management/authenticate", clientID: "client_123",
        refreshToken: "rt_zweite_ü", organizationID: "org_9", scope: "openid profile",
        resource: "https://r.example", audience: "aud")

    private func sealingKey(_ material: KeyMaterial) -> String {
        unsafe material.sealingKey.withUnsafeBytes { unsafe hexadecimal($0) }
    }

    // Expected values from Python's hmac, hashlib and cryptography (HKDFExpand):
    //   salt = b"refreshd key v1", then for endpoint, client id, organization, scope, resource, audience:
    //          b"\0" if absent, else b"\1" + struct.pack("<I", len(utf8)) + utf8
    //   prk = hmac.new(salt, token, sha256).digest()
    //   record key = HKDFExpand(SHA256(), 32, b"refreshd record key v1").derive(prk)
    //   sealing key = HKDFExpand(SHA256(), 32, b"refreshd sealing key v1").derive(prk)
    @Test func `matches an independent derivation, optional parts absent`() throws {
        let material = try KeyMaterial(Self.plain)
        #expect(
            material.recordKey.description
                == "d0b6dcad5e4d219788aa096d2d14e055fcbf12492ed4d43db0dba336c2db435f")
        #expect(sealingKey(material) == "a27445881b7f22db9189d66a423fad3fd476f47ad42c0f9ce109c328079a4261")
        #expect(material.recordKey.shortDescription == "d0b6dcad5e4d")
    }

    @Test func `matches an independent derivation, optional parts present`() throws {
        let material = try KeyMaterial(Self.full)
        #expect(
            material.recordKey.description
                == "797df3d5bed75498bea4a8625e21b19f8ca0b4ff2a6c65fbc602bebd7b2b59b5")
        #expect(sealingKey(material) == "2b2be2d0beea60e161e01e82abc4fd07df5e31f401caa866e75ae833f284d21e")
    }

    @Test func `every part changes both keys, wherever the same text stands`() throws {
        var variants = [Self.plain]
        for path: WritableKeyPath<KeyParts, String> in [\.endpoint, \.clientID, \.refreshToken] {
            var parts = Self.plain
            parts[keyPath: path] += "x"
            variants.append(parts)
        }
        let optional: [WritableKeyPath<KeyParts, String?>] = [
            \.organizationID, \.scope, \.resource, \.audience,
        ]
        for path in optional {
            var parts = Self.plain
            parts[keyPath: path] = "x"
            variants.append(parts)
        }
        // The same bytes in a row, cut at another place.
        variants.append(KeyParts(endpoint: "ab", clientID: "c", refreshToken: "t"))
        variants.append(KeyParts(endpoint: "a", clientID: "bc", refreshToken: "t"))
        let materials = try variants.map { try KeyMaterial($0) }
        #expect(Set(materials.map(\.recordKey)).count == variants.count)
        #expect(Set(materials.map(sealingKey)).count == variants.count)
        #expect(Set(materials.map(sealingKey)).isDisjoint(with: materials.map(\.recordKey.description)))
    }

    @Test func `a client's derivation gives the same keys and the same errors`() throws {
        let bad = "a\u{7f}"
        for (endpoint, clientID) in [("https://api.workos.com", "client_123"), ("", "client_123"), ("e", bad)] {
            let derivation = KeyDerivation(endpoint: endpoint, clientID: clientID)
            for token in ["rt_first", String(repeating: "t", count: 500), "", String(repeating: "t", count: 16_384)] {
                for organization in [nil, "org_9", bad] {
                    let parts = KeyParts(
                        endpoint: endpoint, clientID: clientID, refreshToken: token, organizationID: organization)
                    let expected = Result { try KeyMaterial(parts) }
                    let derived = Result { try derivation.keys(of: token, organizationID: organization) }
                    switch (expected, derived) {
                    case (.success(let expected), .success(let derived)):
                        #expect(derived.recordKey == expected.recordKey)
                        #expect(sealingKey(derived) == sealingKey(expected))
                    case (.failure(let expected), .failure(let derived)):
                        #expect(derived as? KeyPartsError == expected as? KeyPartsError)
                    default: Issue.record("\(expected) is not \(derived)")
                    }
                }
            }
        }
    }

    @Test func `two spellings of one character are two keys`() throws {
        var composed = Self.plain
        composed.organizationID = "caf\u{e9}"
        var decomposed = Self.plain
        decomposed.organizationID = "cafe\u{301}"
        #expect(composed.organizationID == decomposed.organizationID)
        #expect(try KeyMaterial(composed).recordKey != KeyMaterial(decomposed).recordKey)
    }

    @Test func `a record key keeps its bytes and refuses other lengths`() throws {
        let bytes = (0..<32).map { UInt8($0) }
        let key = try #require(RecordKey(bytes: bytes))
        #expect(key.bytes == bytes)
        #expect(RecordKey(bytes: Array(bytes.dropLast())) == nil)
        #expect(RecordKey(bytes: bytes + [0]) == nil)
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 0x80
            #expect(RecordKey(bytes: other) != key)
        }
    }

    @Test func `nothing that is printed shows the token or the sealing key`() throws {
        let material = try KeyMaterial(Self.full)
        var shown =
            "\(Self.full) \(String(reflecting: Self.full)) \(material) \(String(reflecting: material))"
        dump(Self.full, to: &shown)
        dump(material, to: &shown)
        #expect(!shown.contains("rt_zweite"))
        #expect(!shown.contains(sealingKey(material)))
        #expect(!shown.contains("sealingKey"))
        #expect(shown.contains("org_9"))
    }
}
