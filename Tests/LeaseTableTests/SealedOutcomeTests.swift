import Testing

@testable import LeaseTable

struct SealedOutcomeTests {
    let key: KeyMaterial
    let plaintext = Array(#"{"access_token":"a"}"#.utf8)

    init() throws {
        key = try KeyMaterial(KeyMaterialTests.plain)
    }

    @Test(arguments: OutcomeKind.allCases) func `what was sealed opens`(kind: OutcomeKind) throws {
        let sealed = try SealedOutcome.seal(
            plaintext: plaintext, kind: kind, generation: generation(3), key: key)
        #expect(sealed.kind == kind)
        #expect(sealed.generation == generation(3))
        #expect(sealed.plaintextCount == plaintext.count)
        #expect(try SealedOutcome.open(sealed, key: key) == plaintext)
    }

    // From Python's cryptography: AESGCM(sealing key).encrypt(nonce, plaintext, associated data), where associated
    // data = struct.pack("<HB", 1, 1) + record key + environment id + struct.pack("<Q", transaction),
    // with the keys of KeyMaterialTests' first vector, environment 00…0f and nonce 64…6f.
    @Test func `an outcome sealed elsewhere opens`() throws {
        let hex =
            "6465666768696a6b6c6d6e6f49e14fd97421008a370b60d5933f8b39fcd5a2891412c2562ed77314909337c253edb919"
        let digits = Array(hex)
        let sealed = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
        let environment = try #require(EnvironmentID(bytes: (0..<16).map { UInt8($0) }))
        let outcome = SealedOutcome(
            kind: .success,
            generation: Generation(environment: environment, transaction: 0x0102_0304_0506_0708),
            sealed: sealed)
        #expect(try SealedOutcome.open(outcome, key: key) == plaintext)
    }

    @Test func `every sealing has a nonce of its own`() throws {
        let sealed = try (0..<100).map { _ in
            try SealedOutcome.seal(plaintext: plaintext, kind: .success, generation: generation(3), key: key)
        }
        #expect(Set(sealed.map { $0.sealed.prefix(12) }).count == 100)
    }

    @Test func `passed off as something else, it does not open`() throws {
        let good = try SealedOutcome.seal(
            plaintext: plaintext, kind: .success, generation: generation(3), key: key)
        let moved = [
            SealedOutcome(kind: .terminalFailure, generation: good.generation, sealed: good.sealed),
            SealedOutcome(kind: .success, generation: generation(4), sealed: good.sealed),
            SealedOutcome(kind: .success, generation: generation(3, 2), sealed: good.sealed),
        ]
        for outcome in moved {
            #expect(throws: UnsealError()) { try SealedOutcome.open(outcome, key: key) }
        }
        let other = try KeyMaterial(KeyMaterialTests.full)
        #expect(throws: UnsealError()) { try SealedOutcome.open(good, key: other) }
    }

    @Test func `any flipped bit or lost byte keeps it closed`() throws {
        let good = try SealedOutcome.seal(
            plaintext: plaintext, kind: .success, generation: generation(3), key: key)
        for bit in 0..<(good.sealed.count * 8) {
            var sealed = good.sealed
            sealed[bit / 8] ^= 1 << UInt8(bit % 8)
            let outcome = SealedOutcome(kind: .success, generation: good.generation, sealed: sealed)
            #expect(throws: UnsealError()) { try SealedOutcome.open(outcome, key: key) }
        }
        for length in 0..<good.sealed.count {
            let outcome = SealedOutcome(
                kind: .success, generation: good.generation, sealed: Array(good.sealed.prefix(length)))
            #expect(throws: UnsealError()) { try SealedOutcome.open(outcome, key: key) }
        }
    }

    @Test func `an outcome over the limit is refused, one at the limit is not`() throws {
        let limit = 68 * 1_024
        #expect(throws: SealingError.tooLong(length: limit + 1, limit: limit)) {
            try SealedOutcome.seal(
                plaintext: [UInt8](repeating: 1, count: limit + 1), kind: .success, generation: generation(3),
                key: key)
        }
        for length in [0, limit] {
            let plaintext = [UInt8](repeating: 1, count: length)
            let sealed = try SealedOutcome.seal(
                plaintext: plaintext, kind: .success, generation: generation(3), key: key)
            #expect(try SealedOutcome.open(sealed, key: key) == plaintext)
        }
    }
}
