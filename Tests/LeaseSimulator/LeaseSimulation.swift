import LeaseTable

/// Runs schedules: each from its own seed, each the same whenever it is run.
///
/// Not thread-safe; one for each thread.
public struct LeaseSimulation {
    /// What every schedule has in common.
    public let options: SimulationOptions
    /// What happened in all schedules that were run.
    public private(set) var figures = Figures()
    private let materials: [KeyMaterial]

    /// How one schedule went.
    public struct Report: Sendable {
        /// What it broke, if anything.
        public let violation: Violation?
        /// What happened, line by line, where that was asked for.
        public let trace: [String]
    }

    /// Prepares.
    ///
    /// - Throws: `KeyPartsError`, never for the parts that are used here.
    public init(_ options: SimulationOptions) throws {
        self.options = options
        materials = try (0..<2).map { number in
            try KeyMaterial(
                KeyParts(
                    endpoint: "https://upstream.example/token", clientID: "client", refreshToken: "token \(number)"))
        }
    }

    /// Runs the schedule of one seed.
    public mutating func run(seed: UInt64, isTraced: Bool = false) -> Report {
        let schedule = Schedule(seed: seed, options: options, materials: materials, isTraced: isTraced)
        var violation: Violation?
        do throws(Violation) {
            try schedule.run()
        } catch {
            violation = error
            schedule.note("VIOLATION \(error)")
        }
        figures.add(schedule.figures)
        return Report(violation: violation, trace: schedule.trace.lines)
    }
}
