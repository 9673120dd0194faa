import Foundation
import Testing

/// What the product promises, by the real programs: forked workers, an emulator without replay grace, real kills.
///
/// `REFRESHD_LONG_TESTS` makes the rounds many.
@Suite(.serialized) struct AcceptanceTests {
    private static let factor = ProcessInfo.processInfo.environment["REFRESHD_LONG_TESTS"] == nil ? 1 : 10

    @Test func together() throws {
        let rounds = 200 * Self.factor
        let report = try StormRun.report("together --processes 16 --callers 8 --rounds \(rounds)")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == rounds)
        #expect(report.succeeded == 128 * rounds)
        #expect(report.failed == 0)
        #expect(report.distinctResults == 1)
    }

    @Test func togetherWithoutPipes() throws {
        let report = try StormRun.report("together --rounds \(5 * Self.factor) --poll")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == report.rounds)
        #expect(report.failed == 0)
    }

    @Test func lateArrivals() throws {
        let report = try StormRun.report("late --rounds \(Self.factor)")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == report.rounds)
        #expect(report.failed == 0)
    }

    @Test func slowUpstream() throws {
        let report = try StormRun.report("slow --rounds \(Self.factor)")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == report.rounds)
        #expect(report.failed == 0)
    }

    @Test(arguments: ["", " --after-effect --replay-grace 10"])
    func holderKilled(options: String) throws {
        let report = try StormRun.report("kill-holder --rounds \(20 * Self.factor)" + options)
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == 2 * report.rounds)
        #expect(report.failed == 0)
        #expect(report.succeeded == 120 * report.rounds)
        let takeover = try #require(report.takeoverMs)
        #expect(takeover.p50 <= 5)
    }

    @Test func terminalFailure() throws {
        let report = try StormRun.report("terminal")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == 1)
        #expect(report.failed == 128)
        #expect(report.retriedAfterRetention == true)
    }

    @Test func rateLimited() throws {
        let report = try StormRun.report("rate-limited")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == 2)
        #expect(report.succeeded == 128)
    }

    @Test(arguments: [(0, 64), (10, 128)])
    func organizations(grace: Int, succeeded: Int) throws {
        let report = try StormRun.report("organizations --replay-grace \(grace)")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == 2)
        #expect(report.succeeded == succeeded)
    }

    @Test func distinctTokens() throws {
        let report = try StormRun.report("distinct --tokens 1000 --processes 8")
        #expect(report.held, "\(report.violations)")
        #expect(report.upstreamCalls == 1000)
        #expect(report.succeeded == 2000)
    }
}

/// The storm must be able to fail, and say so.
@Suite(.serialized) struct StormCanFailTests {
    /// A holder that dies after the upstream has rotated, without a replay grace: the session is lost, as documented,
    /// and the storm does not call that held.
    @Test func lostSessionIsSeen() throws {
        let report = try StormRun.report("kill-holder --after-effect --replay-grace 0")
        #expect(!report.held)
        #expect(report.failed > 0)
        #expect(!report.violations.isEmpty)
    }

    @Test(arguments: [
        (["together", "--callers", "0"], "--callers must be"), (["nonsense"], "SCENARIO"),
        (["kill-holder", "--kill-after", "600"], "--kill-after must be"),
        (["organizations", "--tokens", "2"], "one token"),
    ])
    func wrongUsage(arguments: [String], message: String) throws {
        let run = try StormRun(arguments)
        #expect(run.status == 64)
        #expect(run.errors.contains(message) || run.errors.lowercased().contains(message.lowercased()))
    }

    @Test func noEmulator() throws {
        let run = try StormRun(["together", "--base-url", "http://127.0.0.1:1"])
        #expect(run.status == 69)
        #expect(run.errors.contains("127.0.0.1:1"))
    }
}
