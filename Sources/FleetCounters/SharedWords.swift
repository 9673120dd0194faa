import CLinux

/// A range of 64-bit words of a shared mapping, each read and written whole. Every access is checked against the range,
/// since what stands in the words is anybody's who can write the file.
///
/// Does not keep the mapping alive: see ``CounterFile``.
@safe struct SharedWords: @unchecked Sendable {
    private let base: UnsafeMutablePointer<UInt64>
    let count: Int

    @unsafe init(base: UnsafeMutablePointer<UInt64>, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    /// The words from `start` on.
    func part(from start: Int, count length: Int) -> SharedWords {
        precondition(start >= 0 && length >= 0 && start + length <= count)
        return unsafe SharedWords(base: base + start, count: length)
    }

    @inline(__always)
    private func address(of index: Int) -> UnsafeMutablePointer<UInt64> {
        precondition(index >= 0 && index < count)
        return unsafe base + index
    }

    @inline(__always)
    func load(_ index: Int) -> UInt64 { unsafe clinux_word_load(address(of: index)) }

    @inline(__always)
    func store(_ index: Int, _ value: UInt64) { unsafe clinux_word_store(address(of: index), value) }

    @inline(__always)
    func add(_ index: Int, _ amount: UInt64) { unsafe clinux_word_add(address(of: index), amount) }

    /// Stores `value` where `expected` is.
    func exchange(_ index: Int, expected: UInt64, with value: UInt64) -> Bool {
        unsafe clinux_word_exchange(address(of: index), expected, value) != 0
    }

    /// Makes every word 0.
    func clear() {
        for index in 0..<count { store(index, 0) }
    }

    /// Between two steps that others are to see in this order.
    static func fence() { clinux_word_fence() }
}
