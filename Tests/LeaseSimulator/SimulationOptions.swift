/// What every schedule of a run has in common.
public struct SimulationOptions: Sendable {
    /// Steps after which no more faults and callers come, and all that is under way is let to end. From 1.
    public var steps = 400
    /// Processes at the start, from 1 to 64; `nil` draws from 2 to 8 for each schedule.
    public var processes: Int?
    /// The mechanism that is taken out, if any.
    public var broken: BrokenVariant?

    /// The defaults.
    public init() {}
}
