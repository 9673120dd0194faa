public import ArgumentParser
public import LeaseSimulator

/// `lease-simulation`: the protocol of the lease on a simulated machine, one seed after the other.
@main
struct LeaseSimulationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease-simulation",
        abstract:
            "Runs the protocol of the lease on a simulated machine, and checks after every step what must hold.",
        discussion: """
            Each schedule has its own seed, and is the same whenever it is run: --seed S --trace shows what happened. \
            Exit status: 0 if everything held, 1 if not, 64 for wrong usage.
            """)

    @Option(help: ArgumentHelp("How many (default: 100000; with --trace, 1).", valueName: "n"))
    var schedules: Int?

    @Option(help: ArgumentHelp("Seed of the first one; the others follow.", valueName: "s"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Steps after which no more faults and callers come.", valueName: "k"))
    var steps = 400

    @Option(help: ArgumentHelp("Processes (default: 2 to 8, as the seed says).", valueName: "p"))
    var processes: Int?

    @Option(help: ArgumentHelp("How many schedules at once.", valueName: "j"))
    var jobs = 2

    @Flag(help: "Print what happens.")
    var trace = false

    @Option(
        help: ArgumentHelp(
            "Take a mechanism out: \(BrokenVariant.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "variant"))
    var broken: BrokenVariant?

    func validate() throws {
        guard (schedules ?? 1) > 0, steps > 0 else { throw ValidationError("--schedules and --steps start at 1.") }
        guard (1...64).contains(processes ?? 1) else { throw ValidationError("--processes must be from 1 to 64.") }
        guard (1...256).contains(jobs) else { throw ValidationError("--jobs must be from 1 to 256.") }
    }

    func run() async throws {
        var options = SimulationOptions()
        options.steps = steps
        options.processes = processes
        options.broken = broken
        if trace { return try printTrace(options) }
        let count = schedules ?? 100_000
        let batch = try await runAll(options, count)
        for failure in batch.failures.sorted(by: { $0.seed < $1.seed }).prefix(10) {
            print("seed \(failure.seed): \(failure.violation)")
        }
        if let seed = batch.failures.map(\.seed).min() {
            var simulation = try LeaseSimulation(options)
            print("\nThe last steps of seed \(seed) (all of them with: \(again(seed))):")
            for line in simulation.run(seed: seed, isTraced: true).trace.suffix(60) { print("  \(line)") }
            print("")
        }
        printFigures(batch.figures)
        // A few schedules cannot contain everything.
        let missing = count < 10_000 || broken != nil ? [] : batch.figures.missing
        if !missing.isEmpty { print("never occurred: \(missing.map(\.name).joined(separator: ", "))") }
        print("\(count - batch.failed) schedules passed, \(batch.failed) failed")
        if batch.failed > 0 || !missing.isEmpty { throw ExitCode.failure }
    }

    private func printTrace(_ options: SimulationOptions) throws {
        var simulation = try LeaseSimulation(options)
        var failed = 0
        let count = schedules ?? 1
        for seed in (0..<UInt64(count)).map({ seed &+ $0 }) {
            print("seed \(seed)")
            let report = simulation.run(seed: seed, isTraced: true)
            for line in report.trace { print("  \(line)") }
            if report.violation != nil { failed += 1 }
        }
        print("\(count - failed) schedules passed, \(failed) failed")
        if failed > 0 { throw ExitCode.failure }
    }

    private struct Batch: Sendable {
        var figures = Figures()
        var failed = 0
        var failures: [(seed: UInt64, violation: Violation)] = []
    }

    /// Deals the seeds out to the jobs.
    private func runAll(_ options: SimulationOptions, _ count: Int) async throws -> Batch {
        let (first, jobs) = (seed, self.jobs)
        return try await withThrowingTaskGroup(of: Batch.self) { group in
            for job in 0..<jobs {
                group.addTask {
                    var simulation = try LeaseSimulation(options)
                    var batch = Batch()
                    for number in stride(from: job, to: count, by: jobs) {
                        let seed = first &+ UInt64(number)
                        guard let violation = simulation.run(seed: seed).violation else { continue }
                        batch.failed += 1
                        if batch.failures.count < 10 { batch.failures.append((seed, violation)) }
                    }
                    batch.figures = simulation.figures
                    return batch
                }
            }
            var all = Batch()
            for try await batch in group {
                all.figures.add(batch.figures)
                all.failed += batch.failed
                all.failures += batch.failures
            }
            return all
        }
    }

    private func again(_ seed: UInt64) -> String {
        var command = "lease-simulation --seed \(seed) --steps \(steps) --trace"
        if let processes { command += " --processes \(processes)" }
        if let broken { command += " --broken \(broken.rawValue)" }
        return command
    }

    private func printFigures(_ figures: Figures) {
        print("schedules: \(figures.schedules)")
        for kind in Occurrence.allCases { print("\(kind.name): \(figures[kind])") }
    }
}

extension BrokenVariant: ExpressibleByArgument {}
