import Foundation
import LeaseSimulator
import Testing

/// The simulation itself: it finds nothing in the protocol as it is, contains what it says, and repeats itself.
@Suite struct SimulationTests {
    @Test func nothingIsFound() throws {
        var simulation = try LeaseSimulation(SimulationOptions())
        for seed in UInt64(1_000_000)..<1_000_500 {
            let violation = simulation.run(seed: seed).violation
            #expect(violation == nil, "seed \(seed)")
        }
        #expect(simulation.figures.schedules == 500)
        for kind in [
            Occurrence.crashes, .stops, .lateSuccesses, .takeoversFromDead, .takeoversAtLeaseEnd, .cancellations,
        ] {
            #expect(simulation.figures[kind] > 0, "\(kind.name)")
        }
    }

    @Test func aSeedIsTheSameAgain() throws {
        for seed in UInt64(1)...20 {
            var first = try LeaseSimulation(SimulationOptions())
            var second = try LeaseSimulation(SimulationOptions())
            // What ran before makes no difference.
            _ = second.run(seed: seed &+ 99)
            let trace = first.run(seed: seed, isTraced: true).trace
            #expect(!trace.isEmpty)
            #expect(trace == second.run(seed: seed, isTraced: true).trace)
        }
    }

    /// Nothing depends on the process either: hashes, for instance, are seeded anew in each.
    @Test func aSeedIsTheSameInAnotherProcess() throws {
        let arguments = ["--seed", "3", "--schedules", "20", "--trace"]
        let first = try output(of: arguments)
        #expect(first.status == 0)
        #expect(first.text.count > 10_000)
        #expect(try output(of: arguments).text == first.text)
    }

    @Test func aFailureIsShown() throws {
        let run = try output(of: ["--schedules", "200", "--broken", "claim-without-compare"])
        #expect(run.status == 1)
        #expect(run.text.contains("VIOLATION single flight"))
        let seed = try #require(
            run.text.split(separator: "\n").first?.split(separator: " ").dropFirst().first?.dropLast())
        let again = try output(of: ["--seed", String(seed), "--trace", "--broken", "claim-without-compare"])
        #expect(again.status == 1)
        #expect(again.text.hasSuffix("0 schedules passed, 1 failed\n"))
    }

    private func output(of arguments: [String]) throws -> (text: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("lease-simulation")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus)
    }
}
