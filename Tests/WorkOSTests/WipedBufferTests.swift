import Testing

@testable import WorkOS

@Suite struct WipedBufferTests {
    @Test func emptyingOverwrites() {
        let buffer = WipedBuffer(capacity: 8)
        let fits = buffer.append("secret")
        #expect(fits)
        let address = buffer.address(of: 0)
        buffer.removeAll()
        let left = [UInt8](UnsafeRawBufferPointer(start: address, count: 6))
        #expect(left == [0, 0, 0, 0, 0, 0])
        withExtendedLifetime(buffer) {}
    }

    @Test func whatDoesNotFitIsCutOffAndSaid() {
        let buffer = WipedBuffer(capacity: 4)
        let fits = buffer.append("abc")
        let overflows = !buffer.append("de")
        let kept = buffer.copied()
        #expect(fits && overflows)
        #expect(kept == Array("abcd".utf8))
    }
}
