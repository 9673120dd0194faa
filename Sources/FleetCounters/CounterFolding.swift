/// Adds what dead processes have counted to the total, and frees their slots; so that a process killed anywhere in between
/// leaves nothing counted twice and nothing lost.
///
/// There are two totals, and one word says which of them counts and which slot, if any, is in it already but not cleared
/// yet. One fold: the other total becomes this one plus the slot; the word is changed, which is when the fold happens; the
/// slot is cleared; the word is changed again; the slot is free. Who dies before the first change has done nothing, and
/// what it left in the other total is overwritten by the next. Who dies after it leaves word of the slot that is to be
/// cleared, which the next fold does first, and which readers leave out meanwhile.
///
/// Under the table's write lock; readers take none, see ``FleetSnapshot``.
struct CounterFolding {
    let file: CounterFile

    /// What the word says.
    struct State: Hashable {
        /// Which total counts: 0 or 1.
        var active: Int
        /// The slot that is in the total and not cleared.
        var pending: Int?
        /// Grows with every change, so that a reader sees that there was one.
        var sequence: UInt64

        /// The word as it stands in the file, whatever stands there.
        init(word: UInt64) {
            active = Int(word & 1)
            let index = Int(word >> 2 & 0xffff)
            pending = word & 2 != 0 && index < CounterLayout.slotCount ? index : nil
            sequence = word >> 18
        }

        var word: UInt64 {
            UInt64(active) | (pending.map { 2 | UInt64($0) << 2 } ?? 0) | sequence << 18
        }

        func changed(active: Int? = nil, pending: Int?) -> State {
            var next = self
            next.active = active ?? self.active
            next.pending = pending
            next.sequence = (sequence &+ 1) & (1 << 46 - 1)
            return next
        }
    }

    var state: State { State(word: file.words.load(CounterLayout.foldingWord)) }

    /// One of the two totals.
    func total(_ which: Int) -> SharedWords {
        file.words.part(
            from: CounterLayout.totalsStart + which * CounterLayout.totalLength, count: CounterLayout.totalLength)
    }

    /// Slots of processes that have died. Looks at `/proc`: not under the lock.
    func deadSlots(isAlive: (SlotOwner) -> Bool) -> [(index: Int, owner: SlotOwner)] {
        let owners = file.owners
        return (0..<owners.count).compactMap { index in
            let word = owners.load(index)
            guard word != 0 else { return nil }
            let owner = SlotOwner(word: word)
            return isAlive(owner) ? nil : (index, owner)
        }
    }

    /// Folds the slots that still belong to who was found dead; a process that is gone does not come back.
    ///
    /// - Returns: How many.
    func fold(_ dead: [(index: Int, owner: SlotOwner)]) -> Int {
        finish()
        var count = 0
        for (index, owner) in dead where file.owners.load(index) == owner.word {
            begin(index)
            finish()
            count += 1
        }
        return count
    }

    /// Up to the change that makes it so.
    func begin(_ index: Int) {
        let now = state
        let (from, to, slot) = (total(now.active), total(1 - now.active), file.slot(index))
        for word in 0..<CounterLayout.countedLength { to.store(word, from.load(word) &+ slot.load(word)) }
        change(to: now.changed(active: 1 - now.active, pending: index))
    }

    /// The rest of a fold that was begun, by this process or by one that died in it.
    func finish() {
        let now = state
        guard let index = now.pending else { return }
        file.slot(index).clear()
        change(to: now.changed(pending: nil))
        // From here on it may be somebody else's.
        file.owners.store(index, 0)
    }

    private func change(to next: State) {
        SharedWords.fence()
        file.words.store(CounterLayout.foldingWord, next.word)
        SharedWords.fence()
    }
}
