/// What must hold, by name.
enum Check: String, CaseIterable {
    case singleFlight = "single-flight"
    case doubleRefreshes = "double-refreshes"
    case emulator
    case answered
    case onTime = "on-time"
    case agreement
    case lostResults = "lost-results"
    case outcomes
    case environment
    case space
    case readers
    case processes
    case deaths

    var summary: String {
        switch self {
        case .singleFlight: "no two calls in flight for a token, but where the first's holder was dead or overdue"
        case .doubleRefreshes: "no token refreshed again while its result was there"
        case .emulator: "the upstream saw no call that no worker made"
        case .answered: "every caller in a living process got an answer"
        case .onTime: "no caller of a process that was free to run later than the control thread by 50 ms"
        case .agreement: "all callers of a token got the same bytes, and those of the upstream"
        case .lostResults: "no result lost whose holder lived"
        case .outcomes: "callers are told what happened, and in doubt, invalid_grant"
        case .environment: "the environment opens, decodes and is indexed"
        case .space: "records, pages and pipes go back to their bounds"
        case .readers: "reader slots come back"
        case .processes: "nobody crashed or became a zombie, and no descriptor was left open"
        case .deaths: "as many deaths as asked for, at all points"
        }
    }
}

/// The figures of a run.
struct Tally {
    var rounds = 0
    var tokens = 0
    var deaths = 0
    var stops = 0
    var lockStops = 0
    /// Deaths by their own hand, by point.
    var points: [String: Int] = [:]
    var sendings = 0
    var arrivals = 0
    var overlaps = 0
    var rotations = 0
    var replaysAccepted = 0
    var replaysRejected = 0
    /// Why tokens were rightly sent again.
    var reasons: [Judge.Reason: Int] = [:]
    /// Tokens whose holder was killed after the rotation and before the publication, without a grace.
    var inDoubt: Set<Int> = []
    /// The same, where the holder was stopped past its lease or its answer came too late.
    var overrun: Set<Int> = []
    var rerotated = 0
    var resultsKept = 0
    var outcomes: [String: Int] = [:]
    var callersKilled = 0
    var callersStopped = 0
    var largestFile = 0
    var recordsSeen = 0
    var heldLeft = 0
    var slotsFreed = 0
    /// How late callers were beyond the control, in milliseconds; only those past their deadline.
    private(set) var lateness: [Double] = []
    /// Callers later than the control by more than the tolerance, whatever kept them.
    private(set) var laterThanControl = 0
    /// Those of them whose own thread stood in the run queue for too little of it to explain that.
    private(set) var laterThanQueued = 0
    /// The most that a caller was later than the control while its process was free to run, in milliseconds.
    private(set) var latest = 0.0
    private(set) var violations: [Check: [String]] = [:]
    private(set) var counts: [Check: Int] = [:]

    /// Notes that something did not hold; the first few with their stories.
    mutating func violate(_ check: Check, _ what: String, _ story: @autoclosure () -> String = "") {
        counts[check, default: 0] += 1
        guard violations[check, default: []].count < 3 else { return }
        let story = story()
        violations[check, default: []].append(story.isEmpty ? what : what + "\n" + story)
    }

    /// Milliseconds that a caller was later than the control.
    private func excess(deadline: UInt64, end: UInt64, control: UInt64) -> Double {
        let base = max(deadline, control)
        return end > base ? Double(end - base) / 1e6 : 0
    }

    /// Counts how late a caller was.
    ///
    /// - Returns: Whether it was on time: not later than the control by more than the tolerance, but for the time for
    ///   which its thread, or another of its process that may have had what it waited for, stood in the run queue.
    mutating func measure(deadline: UInt64, end: Note) -> Bool {
        guard end.time > deadline else { return true }
        let late = excess(deadline: deadline, end: end.time, control: end.other)
        let unqueued = max(0, late - Double(end.queued) / 1e6)
        let own = max(0, unqueued - Double(end.othersQueued) / 1e6)
        lateness.append(late)
        latest = max(latest, own)
        if late > Times.tolerance.milliseconds { laterThanControl += 1 }
        if unqueued > Times.tolerance.milliseconds { laterThanQueued += 1 }
        return own <= Times.tolerance.milliseconds
    }

    var callers: Int { outcomes.values.reduce(0, +) }

    var failed: Int { Check.allCases.count { counts[$0, default: 0] > 0 } }
}
