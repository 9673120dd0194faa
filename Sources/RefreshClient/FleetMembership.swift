import FleetCounters
import LeaseTable
import Logging
import ProcessSupport

/// Where this process counts for one directory, as far as is known. Guarded by whoever has it.
struct FleetMembership {
    /// `nil` where counting is off, or has not begun.
    private(set) var slot: FleetSlot?
    /// Since which environment there is nothing more to try; `nil` before.
    private var settled: EnvironmentID?
    private var nextTry = MonotonicInstant(nanoseconds: 0)
    private var hasComplained = false
    /// Callers that began to wait before there was a slot.
    private var unseen: [Unseen] = []

    private struct Unseen {
        weak var mark: WaitMark?
    }

    /// How long counting may hold a refresh up for the table's write lock, once in a process's life at the most: 10 ms, as
    /// long as thousands of writes take.
    static let patience = Duration.milliseconds(10)
    /// The pause after a lock that was not to be had.
    private static let retryPause = Duration.seconds(1)
    /// How many callers are kept in mind before those that are gone are looked for. 256: more than most processes have.
    private static let longestMemory = 256

    /// Whether a slot is to be sought in that environment now.
    func isWanting(_ environment: EnvironmentID, now: MonotonicInstant) -> Bool {
        settled != environment && now >= nextTry
    }

    /// Keeps a caller in mind until there is a slot; not where there will be none.
    mutating func remember(_ mark: WaitMark) {
        guard settled == nil else { return }
        if unseen.count >= Self.longestMemory { unseen.removeAll { $0.mark == nil } }
        unseen.append(Unseen(mark: mark))
    }

    /// Those, for who counts them in.
    mutating func takeUnseen() -> [WaitMark] {
        defer { unseen = [] }
        return unseen.compactMap(\.mark)
    }

    /// Notes how seeking ended.
    ///
    /// - Returns: Whether that is to be said aloud: once in a process's life.
    mutating func settle(
        _ outcome: Result<FleetSlot, CounterFileError>, in environment: EnvironmentID, now: MonotonicInstant
    ) -> Bool {
        slot = try? outcome.get()
        if case .failure(.busy) = outcome {
            nextTry = now.advanced(by: Self.retryPause)
            return false
        }
        settled = environment
        guard case .failure = outcome else { return false }
        defer { hasComplained = true }
        return !hasComplained
    }
}

extension FlightTable {
    /// Has this process count in the fleet's counters of `table`, if it does not yet. That it cannot is no reason to fail
    /// anything: it is said once, and nothing is counted.
    func join(_ table: LeaseTable, until deadline: MonotonicInstant) {
        let now = MonotonicInstant.now()
        guard isWantingSlot(in: table.environmentID, now: now) else { return }
        let outcome = Result { () throws(CounterFileError) in
            try FleetCounters.slot(in: table, deadline: min(deadline, now.advanced(by: FleetMembership.patience)))
        }
        let isNews = settle(outcome, in: table.environmentID, now: now)
        if let slot { for mark in takeUnseen() { mark.begin(in: slot) } }
        guard isNews, case .failure(let error) = outcome else { return }
        table.configuration.logger.notice(
            "this process is not counted in the metrics", metadata: ["error": "\(error)"])
    }
}
