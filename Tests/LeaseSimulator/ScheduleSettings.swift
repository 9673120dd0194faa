import LeaseTable
import SeededRandom

/// What one schedule has drawn for itself before it starts.
struct ScheduleSettings {
    let processes: Int
    let keys: Int
    let usesPipes: Bool
    /// The defaults of `RefreshConfiguration`, sometimes with another lease and retention.
    let configuration: RefreshConfiguration
    /// How long a spent token is forgiven, in nanoseconds.
    let replayGrace: UInt64
    /// Milliseconds that a request takes to the upstream, and its answer back.
    let travel: ClosedRange<Int>
    /// Answers in a thousand that are failures.
    let failures: Int
    /// Chances in a thousand of each fault in a step.
    let kills: Int
    let stops: Int
    let cancellations: Int
    let rareFaults: Int

    init(_ options: SimulationOptions, _ random: inout SeededGenerator) {
        processes = options.processes ?? 2 + random.below(7)
        keys = random.below(4) == 0 ? 2 : 1
        usesPipes = random.below(7) > 0
        var configuration = RefreshConfiguration()
        configuration.lease = [.seconds(12), .seconds(12), .seconds(11), .seconds(25)][random.below(4)]
        configuration.resultRetention = .seconds([30, 30, 3][random.below(3)])
        configuration.whenCoordinationFails = random.below(2) == 0 ? .refreshAlone : .fail
        self.configuration = configuration
        replayGrace = [0, 10_000_000_000, 60_000_000_000][random.below(3)]
        travel = [0...3, 1...300, 10...6_000, 100...14_000][random.below(4)]
        failures = [0, 100, 400][random.below(3)]
        kills = [0, 2, 8, 20][random.below(4)]
        stops = [0, 4, 15, 40][random.below(4)]
        cancellations = [0, 2, 10][random.below(3)]
        rareFaults = [0, 0, 2, 6][random.below(4)]
    }
}
