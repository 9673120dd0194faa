import Testing

@testable import LeaseTable

struct NamesTests {
    @Test func `generations are ordered within an environment only`() {
        #expect(generation(5).isSameOrLater(than: generation(5)))
        #expect(generation(6).isSameOrLater(than: generation(5)))
        #expect(!generation(4).isSameOrLater(than: generation(5)))
        #expect(!generation(6, 2).isSameOrLater(than: generation(5, 1)))
        #expect(!generation(5, 2).isSameOrLater(than: generation(5, 1)))
    }

    @Test func `an environment id keeps its 16 bytes and refuses other lengths`() throws {
        let bytes = (240...255).map { UInt8($0) }
        let id = try #require(EnvironmentID(bytes: bytes))
        #expect(id.bytes == bytes)
        #expect(id.description == "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
        #expect(EnvironmentID(bytes: bytes.dropLast()) == nil)
        #expect(EnvironmentID(bytes: bytes + [0]) == nil)
        #expect(EnvironmentID() != EnvironmentID())
    }

    @Test(arguments: [0, 1, 0xabc, UInt64.max]) func `a pipe's name reads back`(number: UInt64) {
        let name = WakePipeName(holder: holder(42), number: number)
        #expect(WakePipeName(fileName: name.fileName) == name)
    }

    @Test func `a pipe's name has one form`() {
        #expect(pipe(42).fileName == "42.1042.000000000000abea")
    }

    @Test(arguments: [
        "", ".", "..", "1.2", "1.2.3", "0.2.0000000000000003", "-1.2.0000000000000003",
        "+1.2.0000000000000003",
        "01.2.0000000000000003", "1.02.0000000000000003", "1.2.000000000000000A", "1.2.00000000000000003",
        "1.2.+000000000000003", "1.2.0000000000000003.", "1.2.0000000000000003 ", "1.2.0000000000000003\n",
        "../1.2.0000000000000003", "2147483648.2.0000000000000003", "1.18446744073709551616.0000000000000003",
        "1..0000000000000003", "1.2.zzzzzzzzzzzzzzzz",
    ])
    func `any other name is refused`(fileName: String) {
        #expect(WakePipeName(fileName: fileName) == nil)
    }
}
