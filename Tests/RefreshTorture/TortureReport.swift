import FoundationEssentials

/// A run's figures, for people and for programs.
struct TortureReport: Codable {
    struct CheckResult: Codable {
        var name: String
        var passed: Bool
        var violations: Int
        var details: [String]
    }

    var seed: UInt64
    var seconds: Double
    var rounds: Int
    var deaths: Int
    var deathsAtPoints: [String: Int]
    var stops: Int
    var stopsInWriteLock: Int
    var tokens: Int
    var upstreamCalls: Int
    var upstreamArrivals: Int
    var rotations: Int
    var replaysAccepted: Int
    var replaysRejected: Int
    var sentAgain: [String: Int]
    var doubleRefreshes: Int
    var lostResults: Int
    var inDoubtKilled: Int
    var inDoubtOverrun: Int
    var callers: Int
    var outcomes: [String: Int]
    var callersKilled: Int
    var callersStopped: Int
    var callersPastDeadline: Int
    var callersLaterThanControl: Int
    var callersLaterThanQueued: Int
    var callersLate: Int
    var latestBeyondControlMs: Double
    var largestFileBytes: Int
    var readerSlotsFreed: Int
    var checks: [CheckResult]

    init(_ tally: Tally, seed: UInt64, seconds: Double) {
        self.seed = seed
        self.seconds = seconds
        rounds = tally.rounds
        deaths = tally.deaths
        deathsAtPoints = tally.points
        stops = tally.stops
        stopsInWriteLock = tally.lockStops
        tokens = tally.tokens
        upstreamCalls = tally.sendings
        upstreamArrivals = tally.arrivals
        rotations = tally.rotations
        replaysAccepted = tally.replaysAccepted
        replaysRejected = tally.replaysRejected
        sentAgain = Dictionary(uniqueKeysWithValues: tally.reasons.map { ($0.rawValue, $1) })
        doubleRefreshes = tally.counts[.doubleRefreshes, default: 0] + tally.counts[.singleFlight, default: 0]
        lostResults = tally.counts[.lostResults, default: 0]
        inDoubtKilled = tally.inDoubt.count
        inDoubtOverrun = tally.overrun.count
        callers = tally.callers
        outcomes = tally.outcomes
        callersKilled = tally.callersKilled
        callersStopped = tally.callersStopped
        callersPastDeadline = tally.lateness.count
        callersLaterThanControl = tally.laterThanControl
        callersLaterThanQueued = tally.laterThanQueued
        callersLate = tally.counts[.onTime, default: 0]
        latestBeyondControlMs = tally.latest
        largestFileBytes = tally.largestFile
        readerSlotsFreed = tally.slotsFreed
        checks = Check.allCases.map {
            CheckResult(
                name: $0.rawValue, passed: tally.counts[$0] == nil, violations: tally.counts[$0, default: 0],
                details: tally.violations[$0, default: []])
        }
    }

    var failed: Int { checks.count { !$0.passed } }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// As a table, with what did not hold, and a closing line.
    var text: String {
        var rows: [(String, String)] = [
            ("run", "seed \(seed), \(Int(seconds)) s, \(rounds) rounds, \(tokens) tokens"),
            ("deaths", "\(deaths); by their own hand: \(list(deathsAtPoints))"),
            ("stops", "\(stops), of them \(stopsInWriteLock) with the write lock"),
            ("upstream", "\(upstreamCalls) calls made, \(upstreamArrivals) came, \(rotations) rotations"),
            ("sent again", list(sentAgain)),
            ("replays", "\(replaysAccepted) accepted, \(replaysRejected) rejected"),
            ("double refreshes", "\(doubleRefreshes)"),
            ("lost results", "\(lostResults)"),
            ("in doubt", "\(inDoubtKilled) (holder killed), \(inDoubtOverrun) (holder stopped, or answer too late)"),
            ("callers", "\(callers) answered: \(list(outcomes))"),
            ("", "\(callersKilled) killed with their process, \(callersStopped) in processes that were stopped"),
            (
                "lateness",
                "\(callersPastDeadline) past their deadline; \(callersLaterThanControl) later than the control by 50 ms, "
                    + "\(callersLaterThanQueued) of them not for standing in the run queue themselves, \(callersLate) while "
                    + "their whole process was free to run; these by \((latestBeyondControlMs * 100).rounded() / 100) ms "
                    + "at the most"
            ),
            ("space", "data file at most \(largestFileBytes / 1024) KiB, \(readerSlotsFreed) reader slots freed"),
        ]
        for check in checks {
            let summary = Check(rawValue: check.name)?.summary ?? ""
            rows.append(
                (check.name, check.passed ? "passed: \(summary)" : "FAILED \(check.violations) times: \(summary)"))
        }
        let width = rows.map(\.0.count).max() ?? 0
        var lines = rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count) + "  " + $0.1 }
        for check in checks where !check.passed {
            lines.append("")
            lines += check.details.map { "\(check.name): \($0)" }
        }
        if failed > 0 { lines.append("\nThe seed was \(seed).") }
        lines.append("\(checks.count - failed) passed, \(failed) failed")
        return lines.joined(separator: "\n")
    }

    private func list(_ counts: [String: Int]) -> String {
        counts.isEmpty ? "none" : counts.sorted { $0.key < $1.key }.map { "\($1) \($0)" }.joined(separator: ", ")
    }
}
