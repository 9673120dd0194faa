import LeaseTable

/// What a flight ended with: `FlightOutcome`.
enum SimulatedOutcome {
    /// A body, and whether it was in the table when it was handed on.
    case success(body: Int, isStored: Bool)
    case failure(Reason)

    enum Reason { case upstream, deadline, coordination, resources }
}

/// One key being refreshed in one process: `Flight`. Each method is one section under its mutex.
final class SimulatedFlight {
    let key: Int
    private(set) var outcome: SimulatedOutcome?
    var unpublished: Int?
    var isLed = true
    private var followers = 0
    private(set) var asyncCallers: [SimulatedCaller] = []
    private var followingThreads: [SimulatedThread] = []
    private(set) var handover: (claim: Claim, table: SimulatedTable?) = (Claim(), nil)

    init(key: Int) {
        self.key = key
    }

    var hasWaiting: Bool { followers > 0 || !asyncCallers.isEmpty }

    /// `finish(_:)`. Returns whom the caller is to complete.
    func finish(_ result: SimulatedOutcome) -> [SimulatedCaller] {
        guard outcome == nil else { return [] }
        outcome = result
        broadcast()
        defer { asyncCallers = [] }
        return asyncCallers
    }

    enum Succession {
        case follower
        case needsThread(until: UInt64)
        case nobody
    }

    /// `stepDown(_:ifNobody:)`.
    func stepDown(_ known: (claim: Claim, table: SimulatedTable?), ifNobody: () -> Void) -> Succession {
        handover = known
        if followers > 0 {
            isLed = false
            broadcast()
            return .follower
        }
        if let latest = asyncCallers.map(\.deadline).max() { return .needsThread(until: latest) }
        isLed = false
        ifNobody()
        return .nobody
    }

    enum FollowEnd {
        case outcome(SimulatedOutcome)
        case leads
        case deadline
    }

    /// `follow(until:)` up to its wait: `nil` says to wait.
    func enter(_ thread: SimulatedThread) -> FollowEnd? {
        followers += 1
        followingThreads.append(thread)
        return leaving(thread, look())
    }

    /// `follow(until:)` after its wait.
    func wake(_ thread: SimulatedThread, isTimedOut: Bool) -> FollowEnd? {
        var end = look()
        if end == nil, isTimedOut {
            end = unpublished.map { .outcome(.success(body: $0, isStored: false)) } ?? .deadline
        }
        return leaving(thread, end)
    }

    private func look() -> FollowEnd? {
        if let outcome { return .outcome(outcome) }
        guard !isLed else { return nil }
        isLed = true
        return .leads
    }

    private func leaving(_ thread: SimulatedThread, _ end: FollowEnd?) -> FollowEnd? {
        if end != nil {
            followers -= 1
            followingThreads.removeAll { $0 === thread }
        }
        return end
    }

    /// `enroll(_:)`: the outcome where the flight has ended, and whether the caller's side must lead.
    func enroll(_ caller: SimulatedCaller) -> (ended: SimulatedOutcome?, mustLead: Bool) {
        if let outcome { return (outcome, false) }
        asyncCallers.append(caller)
        if isLed { return (nil, false) }
        isLed = true
        return (nil, true)
    }

    /// `dismiss(_:)`.
    func dismiss(_ caller: SimulatedCaller) -> Int? {
        asyncCallers.removeAll { $0 === caller }
        return unpublished
    }

    private func broadcast() {
        for thread in followingThreads { thread.isSignalled = true }
    }
}
