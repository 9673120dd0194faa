/// The kinds of event that a schedule may contain. A run in which one of them never occurred has not tested it.
public enum Occurrence: Int, Sendable, CaseIterable {
    case steps, arrivals, cancellations, deadlines, successes, failures
    case crashes, crashesInTransaction, stops, stopsInTransaction, resumptions, suspensions, removals, reopenings
    case claims, lostRaces, takeoversFromDead, takeoversAtLeaseEnd, abandonedLeases, identifiersReused
    case calls, abandonedByTimeout, retriesAfter429, serverErrors, rotationsWithoutAnswer, sessionsEnded
    case replaysForgiven, replaysRefused, notBeforeWaits, renewals
    case lateSuccesses, adoptedSuccesses, staleFailures, inheritedFailures, leasesLost, wakesOfOthers
    case hits, joins, secondLooksChanged, pipesMissing, probesOfDead, probesOfWritten, sleeps, wokenByHangUp
    case wokenByBytes, interruptions, polls, orphansFound
    case followersLed, threadsLed, deliveredUnpublished, lockTimeouts, roomLacking, refreshesAlone
    case swept, notBeforeInherited

    /// The name in words, as the figures have it.
    public var name: String {
        var words = ""
        for character in "\(self)" {
            if character.isUppercase || character == "4" { words += " " }
            words += character.lowercased()
        }
        return words
    }
}

/// How often each kind of event occurred.
public struct Figures: Sendable {
    private var counts = [Int](repeating: 0, count: Occurrence.allCases.count)
    /// Schedules that were run.
    public var schedules = 0

    /// Nothing yet.
    public init() {}

    /// How often one kind occurred.
    public subscript(_ kind: Occurrence) -> Int {
        get { counts[kind.rawValue] }
        set { counts[kind.rawValue] = newValue }
    }

    /// Adds the figures of another run.
    public mutating func add(_ other: Figures) {
        schedules += other.schedules
        for kind in Occurrence.allCases { self[kind] += other[kind] }
    }

    /// The kinds that never occurred.
    public var missing: [Occurrence] { Occurrence.allCases.filter { self[$0] == 0 } }
}
