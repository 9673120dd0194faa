import Testing

@testable import LeaseTable

struct KeyPartsTests {
    private func problem(_ change: (inout KeyParts) -> Void) -> KeyPartsError? {
        var parts = KeyMaterialTests.full
        change(&parts)
        do {
            try parts.validate()
            return nil
        } catch {
            // Derivation must refuse just what validation does.
            #expect(throws: error) { try KeyMaterial(parts) }
            return error
        }
    }

    private static let others: [(KeyPartsError.Part, @Sendable (inout KeyParts, String) -> Void)] = [
        (.endpoint, { $0.endpoint = $1 }), (.clientID, { $0.clientID = $1 }),
        (.organizationID, { $0.organizationID = $1 }), (.scope, { $0.scope = $1 }),
        (.resource, { $0.resource = $1 }), (.audience, { $0.audience = $1 }),
    ]

    @Test func `good parts are good`() {
        #expect(problem { _ in } == nil)
        #expect(
            problem {
                $0 = KeyMaterialTests.plain
                $0.refreshToken = "with\u{0}\ncontrols"
            } == nil)
    }

    @Test func `an empty part is refused`() {
        #expect(
            problem { $0.refreshToken = "" } == KeyPartsError(part: .refreshToken, length: 0, problem: .empty)
        )
        for (part, set) in Self.others {
            #expect(problem { set(&$0, "") } == KeyPartsError(part: part, length: 0, problem: .empty))
        }
    }

    @Test func `a token of 16 KiB is refused, one byte less is not`() {
        let error = problem { $0.refreshToken = String(repeating: "q", count: 16_384) }
        #expect(error == KeyPartsError(part: .refreshToken, length: 16_384, problem: .tooLong(limit: 16_383)))
        #expect(error?.description.contains("16384") == true)
        #expect(error?.description.contains("qq") == false)
        #expect(problem { $0.refreshToken = String(repeating: "q", count: 16_383) } == nil)
        // Bytes count, not characters.
        #expect(problem { $0.refreshToken = String(repeating: "ü", count: 8_192) } != nil)
    }

    @Test func `any other part of more than 4 KiB is refused`() {
        for (part, set) in Self.others {
            #expect(problem { set(&$0, String(repeating: "q", count: 4_096)) } == nil)
            #expect(
                problem { set(&$0, String(repeating: "q", count: 4_097)) }
                    == KeyPartsError(part: part, length: 4_097, problem: .tooLong(limit: 4_096)))
        }
    }

    @Test(arguments: ["\u{0}", "\n", "\u{1f}", "\u{7f}", "\u{80}", "\u{9f}"])
    func `a control character is refused in every part but the token`(control: String) {
        for (part, set) in Self.others {
            let length = 4 + control.utf8.count
            #expect(
                problem { set(&$0, "ab\(control)cd") }
                    == KeyPartsError(part: part, length: length, problem: .controlCharacter(offset: 2)))
        }
    }

    @Test func `characters beside the control characters are not refused`() {
        for (_, set) in Self.others {
            #expect(problem { set(&$0, " ~\u{a0}\u{c2}ü\u{205f}🙂") } == nil)
        }
    }
}
