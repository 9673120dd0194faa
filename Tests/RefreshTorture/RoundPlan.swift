import ProcessSupport
import SeededRandom
import StormSupport

/// The tokens of one round, and when callers ask for each: one after the other, so that there is always one that has
/// just come, several whose result is stored, and nobody asks after the retention.
struct RoundPlan {
    var number: Int
    /// The place of the round's first token among all of the run.
    var first: Int
    var tokens: [String]
    var places: [String: Int]
    var begin: MonotonicInstant
    var end: MonotonicInstant
    /// Whether the upstream forgives replays.
    var hasGrace: Bool

    init(number: Int, first: Int, tokens: [String], begin: MonotonicInstant, hasGrace: Bool) {
        self.number = number
        self.first = first
        self.tokens = tokens
        self.begin = begin
        self.hasGrace = hasGrace
        end = begin.advanced(by: Times.round)
        places = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, first + $0) })
    }

    /// A token that is asked for now; more often than not the newest.
    func place(at now: MonotonicInstant, using generator: inout SeededGenerator) -> Int? {
        let step = Times.round.wholeNanoseconds / Int64(tokens.count)
        let elapsed = begin.duration(to: now).wholeNanoseconds
        guard elapsed >= 0 else { return nil }
        let newest = min(tokens.count - 1, Int(elapsed / step))
        let oldest = max(0, Int((elapsed - Times.tokenLife.wholeNanoseconds) / step) + 1)
        guard oldest <= newest else { return nil }
        let chosen = Bool.random(using: &generator) ? newest : Int.random(in: oldest...newest, using: &generator)
        return first + chosen
    }
}
