import LeaseSimulator
import Testing

/// Each mechanism that is taken out is noticed, by the promise that it keeps.
@Suite struct BrokenVariantTests {
    /// A variant, the schedules within which it must be caught, and by what.
    struct Expectation: Sendable, CustomTestStringConvertible {
        let variant: BrokenVariant
        let within: UInt64
        let promises: Set<Violation.Promise>

        var testDescription: String { variant.rawValue }
    }

    static let expectations: [Expectation] = [
        Expectation(variant: .skipSecondLook, within: 2_000, promises: [.nobodyStuck]),
        Expectation(variant: .acceptStaleFailure, within: 500, promises: [.fencing]),
        Expectation(variant: .reusePipe, within: 500, promises: [.nobodyStuck]),
        Expectation(variant: .skipMaySend, within: 100, promises: [.sending]),
        Expectation(variant: .claimWithoutCompare, within: 100, promises: [.singleFlight]),
        Expectation(variant: .overwriteSuccess, within: 500, promises: [.agreement]),
        Expectation(variant: .drainPipe, within: 500, promises: [.nobodyStuck]),
        Expectation(variant: .forgetFailure, within: 100, promises: [.failureHeard]),
    ]

    @Test func everyVariantIsExpected() {
        #expect(Set(Self.expectations.map(\.variant)) == Set(BrokenVariant.allCases))
    }

    @Test(arguments: expectations) func isCaught(_ expectation: Expectation) throws {
        var options = SimulationOptions()
        options.broken = expectation.variant
        var simulation = try LeaseSimulation(options)
        for seed in 1...expectation.within {
            guard let violation = simulation.run(seed: seed).violation else { continue }
            #expect(expectation.promises.contains(violation.promise), "seed \(seed): \(violation)")
            return
        }
        Issue.record("not caught within \(expectation.within) schedules")
    }
}
