/// What a storm was asked for, with defaults filled in.
struct StormOptions {
    var scenario: Scenario
    var processes: Int
    var callers: Int
    var tokens: Int
    var rounds: Int
    /// Milliseconds until the upstream answers.
    var delay: Int
    /// Seconds for which the upstream accepts a spent token again.
    var replayGrace: Double
    /// Whether the upstream rotates at once and only its answer is late.
    var rotatesFirst: Bool
    /// Milliseconds into the call at which the holder is killed.
    var killAfter: Int
    var seed: UInt64
}
