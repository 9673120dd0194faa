import CCurl
import FoundationEssentials
import Glibc

/// Bytes of a fixed place in memory, overwritten before it is given back: for what holds a token. It never
/// grows by moving, since that would leave a copy behind.
@safe final class WipedBuffer {
    private let base: UnsafeMutableRawPointer
    /// How many bytes fit.
    let capacity: Int
    /// How many are there.
    private(set) var count = 0

    /// Reserves `capacity` bytes; pages that are never written cost nothing.
    init(capacity: Int) {
        unsafe base = .allocate(byteCount: max(capacity, 1), alignment: 16)
        self.capacity = capacity
    }

    deinit {
        unsafe ccurl_wipe(base, count)
        unsafe base.deallocate()
    }

    /// What is there, valid for the length of `body` alone.
    func withBytes<Result: ~Copyable>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Where byte `offset` stands; it stays there as long as the buffer lives.
    func address(of offset: Int) -> UnsafeMutableRawPointer {
        unsafe base + offset
    }

    /// Adds as much of `bytes` as fits, and says whether that was all.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let fitting = min(bytes.count, capacity - count)
        if fitting > 0, let start = bytes.baseAddress {
            unsafe (base + count).copyMemory(from: start, byteCount: fitting)
            count += fitting
        }
        return fitting == bytes.count
    }

    /// Adds as much of the text's UTF-8 as fits, and says whether that was all.
    func append(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { unsafe append(UnsafeRawBufferPointer($0)) }
    }

    /// Empties the buffer.
    func removeAll() {
        unsafe ccurl_wipe(base, count)
        count = 0
    }

    /// A copy that is no longer ours to wipe.
    func copied() -> [UInt8] {
        unsafe withBytes { unsafe [UInt8]($0) }
    }
}
