import LeaseTable
import TableTestSupport
import SeededRandom
import Testing

@testable import FleetCounters

/// What dead processes counted goes to the total, once.
@Suite struct FoldingTests {
    private let counted: Counted
    private let file: CounterFile
    private let folding: CounterFolding

    init() throws {
        counted = try Counted()
        file = try counted.madeFile()
        folding = CounterFolding(file: file)
    }

    private func sum() throws -> UInt64? { common(try FleetSnapshot(file) { _ in true }) }

    @Test func aSlotGoesToTheTotalAndIsFree() throws {
        fill(file, 3, nobody(1), value: 7)
        fill(file, 400, nobody(2), value: 5)
        #expect(try sum() == 12)
        let dead = folding.deadSlots { $0 == nobody(1) ? false : true }
        #expect(dead.map(\.index) == [3])
        #expect(folding.fold(dead) == 1)
        #expect(try sum() == 12)
        #expect(file.owners.load(3) == 0)
        #expect((0..<CounterLayout.slotLength).allSatisfy { file.slot(3).load($0) == 0 })
        #expect(folding.fold(folding.deadSlots { _ in false }) == 1)
        #expect(try sum() == 12)
        #expect(try FleetSnapshot(file) { _ in true }.slotsInUse == 0)
    }

    /// Whoever folds is killed before the change of the word: nothing has happened, whatever is in the other total.
    @Test func whoDiesBeforeTheChangeHasDoneNothing() throws {
        fill(file, 3, nobody(1), value: 7)
        let other = folding.total(1 - folding.state.active)
        for word in 0..<20 { other.store(word, 1_000_000) }
        #expect(try sum() == 7)
        #expect(folding.fold(folding.deadSlots { _ in false }) == 1)
        #expect(try sum() == 7)
    }

    /// … after it: the slot is in the total, and out of the sum of slots, until somebody clears it.
    @Test func whoDiesAfterTheChangeHasFolded() throws {
        fill(file, 3, nobody(1), value: 7)
        fill(file, 4, nobody(2), value: 1)
        folding.begin(3)
        #expect(try sum() == 8)
        #expect(file.owners.load(3) != 0)
        #expect(folding.fold([]) == 0)
        #expect(file.owners.load(3) == 0)
        #expect(try sum() == 8)
    }

    /// … after it, in the middle of clearing.
    @Test func whoDiesWhileClearingHasFolded() throws {
        fill(file, 3, nobody(1), value: 7)
        folding.begin(3)
        for word in 0..<10 { file.slot(3).store(word, 0) }
        #expect(try sum() == 7)
        #expect(folding.fold(folding.deadSlots { _ in false }) == 0)
        #expect(try sum() == 7)
    }

    /// … after clearing, before the slot is free: it is folded again, with nothing in it.
    @Test func whoDiesBeforeTheSlotIsFreeLeavesAnEmptyOne() throws {
        fill(file, 3, nobody(1), value: 7)
        folding.begin(3)
        folding.finish()
        file.owners.store(3, nobody(1).word)
        #expect(folding.fold(folding.deadSlots { _ in false }) == 1)
        #expect(try sum() == 7)
        #expect(file.owners.load(3) == 0)
    }

    /// A slot that was given to somebody else since it was looked at is left alone.
    @Test func aNewOwnerKeepsItsSlot() throws {
        fill(file, 3, nobody(1), value: 7)
        let dead = folding.deadSlots { _ in false }
        fill(file, 3, nobody(2), value: 9)
        #expect(folding.fold(dead) == 0)
        #expect(file.slot(3).load(0) == 9)
    }

    /// A process that folds is killed wherever it is, many times; every counter counts every round once.
    @Test(.timeLimit(.minutes(2))) func killsAtAnyMomentLoseNothing() throws {
        var generator = SeededGenerator(seed: 5)
        var expected: UInt64 = 0
        for round in 0..<60 {
            for slot in 0..<CounterLayout.slotCount { fill(file, slot, nobody(round), value: 1) }
            expected += UInt64(CounterLayout.slotCount)
            let worker = try counted.worker()
            worker.send(line: "fold")
            // It takes a few milliseconds to start, and below one to fold.
            _ = awaiting { folding.state.pending != nil || file.owners.load(CounterLayout.slotCount - 1) == 0 }
            for _ in 0..<Int.random(in: 0..<20_000, using: &generator) { _ = folding.state }
            worker.send(9)
            _ = worker.finish()
            #expect(try sum() == expected, "round \(round), \(folding.state)")
            _ = folding.fold(folding.deadSlots { _ in false })
            #expect(try sum() == expected, "round \(round)")
        }
    }

    @Test(arguments: [UInt64.max, 2, 3, 2 | 511 << 2, 2 | 512 << 2, 0xffff << 2 | 2] as [UInt64])
    func anythingMayStandInTheWord(word: UInt64) throws {
        file.words.store(CounterLayout.foldingWord, word)
        fill(file, 3, nobody(1), value: 7)
        _ = try FleetSnapshot(file) { _ in true }
        _ = folding.fold(folding.deadSlots { _ in false })
        #expect(folding.state.pending == nil)
    }

    @Test func theWordSaysWhatItWasTold() {
        for pending in [nil, 0, 1, 511] as [Int?] {
            for active in [0, 1] {
                let state = CounterFolding.State(word: 41 << 18).changed(active: active, pending: pending)
                #expect(CounterFolding.State(word: state.word) == state)
                #expect(state.sequence == 42)
            }
        }
        let last = CounterFolding.State(word: UInt64.max).changed(pending: nil)
        #expect(CounterFolding.State(word: last.word) == last)
    }
}
