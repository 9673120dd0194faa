import Testing

@testable import lease_dump

@Suite struct WatchStateTests {
    private var state = WatchState()

    /// Presses keys, with room for 10 of 25 rows, and says what the last one asked for.
    private mutating func press(_ keys: WatchKey..., room: Int = 10, count: Int = 25) -> WatchState.Consequence? {
        keys.map { state.press($0, room: room, count: count) }.last
    }

    @Test(arguments: WatchOrder.allCases)
    func anOrderIsAKeyPressAway(order: WatchOrder) {
        var state = WatchState()
        let consequence = state.press(.character(order.rawValue), room: 10, count: 25)
        // By state it is from the start.
        #expect(consequence == (order == .state ? .nothing : .redraw))
        #expect(state.order == order && !state.isReversed)
    }

    @Test mutating func theOrderIsTurnedRoundAndBack() {
        #expect(press(.character("a"), .character("r")) == .redraw)
        #expect(state.order == .age && state.isReversed)
        // The same order again changes nothing; another one begins as it is meant.
        #expect(press(.character("a")) == .nothing)
        #expect(state.isReversed)
        #expect(press(.character("k")) == .redraw)
        #expect(!state.isReversed)
        #expect(press(.character("r"), .character("r")) == .redraw)
        #expect(!state.isReversed)
    }

    @Test mutating func quitChangesNothing() {
        #expect(press(.down, .character("q")) == .quit)
        #expect(state.skipped == 1)
    }

    @Test mutating func otherCharactersAreNothing() {
        for character in "bcdefgijlmnopuvwxyzQKSHATR0 ?" {
            #expect(press(.character(character)) == .nothing, "\(character)")
        }
        #expect(state == WatchState())
    }

    @Test mutating func rowsAreScrolledWithinWhatThereIs() {
        #expect(press(.up) == .nothing)
        #expect(press(.down, .down, .down) == .redraw)
        #expect(state.skipped == 3)
        #expect(press(.pageDown) == .redraw)
        #expect(state.skipped == 13)
        #expect(press(.pageDown) == .redraw)
        #expect(state.skipped == 15)
        #expect(press(.pageDown) == .nothing)
        #expect(press(.pageUp, .up) == .redraw)
        #expect(state.skipped == 4)
        #expect(press(.home) == .redraw)
        #expect(state.skipped == 0)
        #expect(press(.end) == .redraw)
        #expect(state.skipped == 15)
    }

    @Test mutating func anotherOrderBeginsAtTheTop() {
        #expect(press(.end, .character("h")) == .redraw)
        #expect(state.skipped == 0)
    }

    @Test mutating func whatFitsIsNotScrolled() {
        #expect(press(.down, .pageDown, .end, count: 10) == .nothing)
        #expect(press(.down, .pageDown, .end, count: 0) == .nothing)
        // No room at all: there is still one row that is the first.
        #expect(press(.end, room: 0, count: 3) == .redraw)
        #expect(state.skipped == 2)
    }

    @Test mutating func aLargerScreenOrFewerRowsLeaveNothingEmpty() {
        #expect(press(.end) == .redraw)
        state.keepWithin(room: 20, count: 25)
        #expect(state.skipped == 5)
        state.keepWithin(room: 20, count: 3)
        #expect(state.skipped == 0)
    }
}
