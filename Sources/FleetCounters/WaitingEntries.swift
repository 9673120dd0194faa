import LeaseTable

/// The keys that callers of one process wait for at present, and how many for each: a few places of a slot, taken and
/// given back without a lock.
///
/// Each place: a word of state (the low half counts callers, the high half how often the key was changed), and the four
/// words of the key. Who finds a place that counts nobody may take it: first as `taken`, so that nobody reads or joins it,
/// then with the key in it. A reader that finds the same state before and after has read a key that goes with it.
struct WaitingEntries {
    private let words: SharedWords
    private let elsewhere: SharedWords

    /// The low half of a place whose key is being written.
    private static let taken: UInt64 = 0xffff_ffff
    /// Nobody has that many threads: what counts more is not ours.
    private static let largest: UInt64 = 1 << 24

    init(slot: SharedWords) {
        words = slot.part(
            from: CounterLayout.entriesStart, count: CounterLayout.entryCount * CounterLayout.entryLength)
        elsewhere = slot.part(from: CounterLayout.waitingElsewhere, count: 1)
    }

    /// A caller that waits.
    struct Place: Sendable {
        /// `nil` where the key had no room, and the caller is only counted.
        fileprivate let index: Int?
    }

    /// Counts a caller in.
    func enter(_ key: RecordKey) -> Place {
        let keyWords = key.words
        for index in 0..<CounterLayout.entryCount {
            let state = words.load(index * CounterLayout.entryLength)
            if Self.isCounting(state), holds(keyWords, at: index), exchange(index, state, state + 1) {
                return Place(index: index)
            }
        }
        for index in 0..<CounterLayout.entryCount {
            let state = words.load(index * CounterLayout.entryLength)
            guard state & 0xffff_ffff == 0 else { continue }
            let next = (state >> 32 &+ 1) << 32
            guard exchange(index, state, next | Self.taken) else { continue }
            SharedWords.fence()
            for (offset, word) in keyWords.enumerated() {
                words.store(index * CounterLayout.entryLength + 1 + offset, word)
            }
            SharedWords.fence()
            words.store(index * CounterLayout.entryLength, next | 1)
            return Place(index: index)
        }
        elsewhere.add(0, 1)
        return Place(index: nil)
    }

    /// Counts a caller out again.
    func leave(_ place: Place) {
        guard let index = place.index else { return elsewhere.add(0, UInt64.max) }
        words.add(index * CounterLayout.entryLength, UInt64.max)
    }

    /// Callers that wait for keys which had no room.
    var unnamed: Int {
        let count = elsewhere.load(0)
        return count < Self.largest ? Int(count) : 0
    }

    /// Calls `body` with every key that is waited for, and by how many.
    func forEach(_ body: (RecordKey, Int) -> Void) {
        for index in 0..<CounterLayout.entryCount {
            let state = state(of: index)
            guard Self.isCounting(state), let key = key(at: index, since: state) else { continue }
            body(key, Int(state & 0xffff_ffff))
        }
    }

    func state(of index: Int) -> UInt64 { words.load(index * CounterLayout.entryLength) }

    /// The key of a place that was in `state`; `nil` where it has another by now.
    func key(at index: Int, since state: UInt64) -> RecordKey? {
        SharedWords.fence()
        let key = RecordKey(words: (1...4).map { words.load(index * CounterLayout.entryLength + $0) })
        SharedWords.fence()
        return self.state(of: index) >> 32 == state >> 32 ? key : nil
    }

    private static func isCounting(_ state: UInt64) -> Bool {
        let count = state & 0xffff_ffff
        return count > 0 && count < largest
    }

    private func holds(_ key: [UInt64], at index: Int) -> Bool {
        (0..<4).allSatisfy { words.load(index * CounterLayout.entryLength + 1 + $0) == key[$0] }
    }

    private func exchange(_ index: Int, _ expected: UInt64, _ value: UInt64) -> Bool {
        words.exchange(index * CounterLayout.entryLength, expected: expected, with: value)
    }
}

extension RecordKey {
    /// The key as four words.
    fileprivate var words: [UInt64] {
        unsafe withUnsafeBytes { bytes in
            (0..<4).map { unsafe bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
    }

    fileprivate init?(words: [UInt64]) {
        let key = unsafe words.withUnsafeBytes { unsafe RecordKey(copying: $0) }
        guard let key else { return nil }
        self = key
    }
}
