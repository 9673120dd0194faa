/// What the user has chosen on the screen, and what each key makes of it.
struct WatchState: Hashable {
    /// What a key asks for.
    enum Consequence {
        case nothing, redraw, quit
    }

    var order = WatchOrder.state
    var isReversed = false
    /// How many rows are above the first that is shown.
    private(set) var skipped = 0

    /// What a key press makes of it.
    ///
    /// - Parameters:
    ///   - room: How many rows the screen has room for.
    ///   - count: How many there are.
    mutating func press(_ key: WatchKey, room: Int, count: Int) -> Consequence {
        let former = self
        switch key {
        case .character("q"): return .quit
        case .character("r"): isReversed.toggle()
        case .character(let character):
            guard let order = WatchOrder(rawValue: character) else { return .nothing }
            // What was asked for is at the top.
            self = WatchState(order: order, isReversed: order == self.order && isReversed)
        case .up: skipped -= 1
        case .down: skipped += 1
        case .pageUp: skipped -= max(1, room)
        case .pageDown: skipped += max(1, room)
        case .home: skipped = 0
        case .end: skipped = count
        }
        keepWithin(room: room, count: count)
        return self == former ? .nothing : .redraw
    }

    /// Shows the last rows where there are fewer than were skipped, and where the screen has become larger.
    mutating func keepWithin(room: Int, count: Int) {
        skipped = min(max(0, skipped), max(0, count - max(1, room)))
    }
}
