import FoundationEssentials
import ProcessSupport
import StormSupport

/// The figures of a storm, and whether what should hold held.
struct Summary {
    private let options: StormOptions
    private var rounds = 0
    private var upstreamCalls = 0
    private var callers = 0
    private var succeeded = 0
    private var failed = 0
    private var distinctResults = 0
    private var addedLatency: [Double] = []
    private var takeovers: [Double] = []
    private(set) var violations: [String] = []
    /// Whether, in the scenario `terminal`, a call after the failure's retention asked the upstream anew.
    var retried: Bool?

    init(options: StormOptions) {
        self.options = options
    }

    // MARK: Counting

    mutating func add(
        round reports: [CallReport], tokens: [String], calls: Int, events: [ControlClient.Event], takeover: Duration?
    ) {
        rounds += 1
        upstreamCalls += calls
        callers += reports.count
        let good = reports.filter { $0.result != nil }
        let bad = reports.filter { $0.result == nil }
        succeeded += good.count
        failed += bad.count
        let groups = Dictionary(grouping: good) { Group(token: $0.tokenIndex, organization: $0.organization) }
        let results = groups.mapValues { Set($0.compactMap(\.result)).count }
        let distinct = results.values.max() ?? 0
        distinctResults = max(distinctResults, distinct)
        if distinct > 1 { note("callers of one key got different results") }
        let expected = options.scenario.expectedCalls(tokens: options.tokens)
        if calls != expected { note("\(calls) upstream calls instead of \(expected)") }
        checkOutcomes(good, bad, groups)
        measure(good, tokens, events)
        if let takeover {
            takeovers.append(milliseconds(takeover))
        } else if options.scenario == .killHolder {
            note("nobody took the killed holder's lease over")
        }
    }

    private struct Group: Hashable {
        var token: Int
        var organization: String?
    }

    private mutating func checkOutcomes(
        _ good: [CallReport], _ bad: [CallReport], _ groups: [Group: [CallReport]]
    ) {
        switch options.scenario {
        case .terminal:
            if !good.isEmpty { note("a caller succeeded with a token that the upstream refused") }
            for report in bad where !report.isTerminal || report.reason != "invalid_grant" {
                note("a caller was told \(report.detail ?? "nothing") instead of invalid_grant")
            }
            for report in bad where !report.hasOwnContext { note("a caller's error carried somebody else's context") }
        case .organizations:
            for report in good where report.resultOrganization != report.organization {
                note("a caller for \(report.organization ?? "-") got \(report.resultOrganization ?? "-")")
            }
            let expectedWinners = options.replayGrace > 0 ? 2 : 1
            if groups.count != expectedWinners { note("\(groups.count) organizations succeeded") }
            for report in bad where report.reason != "invalid_grant" || expectedWinners == 2 {
                note("a caller failed: \(report.detail ?? "-")")
            }
            let losers = Set(bad.map(\.organization))
            if !losers.isDisjoint(with: good.map(\.organization)) {
                note("one organization both succeeded and failed")
            }
        default:
            for report in bad { note("a caller failed: \(report.detail ?? "-")") }
        }
    }

    private mutating func measure(_ good: [CallReport], _ tokens: [String], _ events: [ControlClient.Event]) {
        var answered: [String: UInt64] = [:]
        for event in events where event.event == "answered" {
            if let hash = event.tokenHash { answered[hash] = event.timeNs }
        }
        let hashes = tokens.map(ControlClient.hash(of:))
        for report in good {
            let from = max(report.startedAt, answered[hashes[report.tokenIndex]] ?? 0)
            addedLatency.append(report.endedAt > from ? Double(report.endedAt - from) / 1_000_000 : 0)
        }
    }

    private mutating func note(_ violation: String) {
        if !violations.contains(violation) && violations.count < 20 { violations.append(violation) }
    }

    // MARK: Showing

    var held: Bool { violations.isEmpty && retried != false && callers > 0 }

    /// The report as JSON. Names are part of the interface.
    struct Report: Codable {
        struct Latency: Codable {
            var p50: Double
            var p99: Double
            var max: Double
        }

        struct Takeover: Codable {
            var p50: Double
            var p99: Double
        }

        var scenario: Scenario
        var processes: Int
        var callersPerProcess: Int
        var tokens: Int
        var rounds: Int
        var seed: UInt64
        var upstreamDelayMs: Int
        var upstreamCalls: Int
        var callers: Int
        var succeeded: Int
        var failed: Int
        var distinctResults: Int
        var addedLatencyMs: Latency?
        var takeoverMs: Takeover?
        var retriedAfterRetention: Bool?
        var held: Bool
        var violations: [String]
    }

    var report: Report {
        Report(
            scenario: options.scenario, processes: options.processes, callersPerProcess: options.callers,
            tokens: options.tokens, rounds: rounds, seed: options.seed, upstreamDelayMs: options.delay,
            upstreamCalls: upstreamCalls, callers: callers, succeeded: succeeded, failed: failed,
            distinctResults: distinctResults,
            addedLatencyMs: addedLatency.isEmpty
                ? nil
                : Report.Latency(
                    p50: percentile(addedLatency, 0.5), p99: percentile(addedLatency, 0.99),
                    max: percentile(addedLatency, 1)),
            takeoverMs: takeovers.isEmpty
                ? nil : Report.Takeover(p50: percentile(takeovers, 0.5), p99: percentile(takeovers, 0.99)),
            retriedAfterRetention: retried, held: held, violations: violations)
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(report), as: UTF8.self)
    }

    /// The report as a table.
    var table: String {
        let report = report
        var rows = [
            ("scenario", "\(report.scenario.rawValue): \(report.scenario.summary)"),
            (
                "fleet",
                "\(report.processes) processes × \(report.callersPerProcess) callers, \(report.rounds) rounds"
            ),
            ("upstream calls", "\(report.upstreamCalls) (\(perRound(report.upstreamCalls)) a round)"),
            ("callers", "\(report.callers): \(report.succeeded) succeeded, \(report.failed) failed"),
            ("distinct results", "\(report.distinctResults) for one key in a round, at the most"),
        ]
        if let latency = report.addedLatencyMs {
            rows.append(
                (
                    "added latency",
                    "p50 \(figure(latency.p50)) ms, p99 \(figure(latency.p99)) ms, max \(figure(latency.max)) ms"
                ))
        }
        if let takeover = report.takeoverMs {
            rows.append(("takeover", "p50 \(figure(takeover.p50)) ms, p99 \(figure(takeover.p99)) ms after the kill"))
        }
        if let retried {
            rows.append(("after retention", retried ? "a new try asked the upstream anew" : "no new try was made"))
        }
        rows.append(("held", report.held ? "yes" : "NO"))
        rows += report.violations.map { ("", "- \($0)") }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count) + "  " + $0.1 }
            .joined(separator: "\n")
    }

    private func perRound(_ calls: Int) -> String {
        rounds > 0 && calls % rounds == 0 ? "\(calls / rounds)" : figure(Double(calls) / Double(max(rounds, 1)))
    }

    private func figure(_ value: Double) -> String {
        let scaled = (value * 100).rounded() / 100
        return "\(scaled)"
    }

    private func milliseconds(_ duration: Duration) -> Double {
        Double(duration.wholeNanoseconds) / 1_000_000
    }

    private func percentile(_ values: [Double], _ fraction: Double) -> Double {
        let sorted = values.sorted()
        let rank = Int((fraction * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(rank, 0), sorted.count - 1)]
    }
}
