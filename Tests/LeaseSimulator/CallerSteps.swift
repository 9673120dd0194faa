import LeaseTable

// The steps of `RefreshClient.outcome(of:until:)`, `storedResult(_:in:deadline:otherwise:)` and `enroll(_:_:_:in:)`, of
// `AsyncCaller` and of `DeadlineWatch`.
extension Schedule {
    func stepCaller(_ thread: SimulatedThread) throws(Violation) {
        guard let caller = thread.caller else { return try expire(thread) }
        let process = thread.process
        switch thread.point {
        case .storedResult:
            if process.flight(of: thread.key) == nil, let table = process.openTable {
                thread.snapshot = try table.record(thread.key)
                thread.table = table
                thread.point = .storedResultDecide
            } else {
                thread.point = .joinFlight
            }
        case .storedResultDecide:
            thread.point = .joinFlight
            if case .hit(let sealed) = LeaseStateMachine.claim(thread.snapshot, Claim(), now: boot) {
                let body = try open(sealed, key: thread.key)
                figures[.hits] += 1
                try complete(caller, with: .success(body: body, isStored: true))
                finish(thread)
            }
        case .joinFlight:
            let isNew: Bool
            if let known = process.flight(of: thread.key) {
                (caller.flight, isNew) = (known, false)
            } else {
                let flight = SimulatedFlight(key: thread.key)
                process.flights.append(flight)
                (caller.flight, isNew) = (flight, true)
            }
            thread.flight = caller.flight
            thread.isDelivered = isNew
            if caller.isAsync {
                process.asyncCallers.append(caller)
                thread.point = .enroll
            } else if isNew {
                lead(thread)
            } else {
                thread.point = .follow
            }
        case .follow:
            try followed(thread, caller, thread.flight?.enter(thread))
        case .following:
            let isTimedOut = !thread.isSignalled && now >= thread.deadline
            thread.isSignalled = false
            try followed(thread, caller, thread.flight?.wake(thread, isTimedOut: isTimedOut))
        case .enroll:
            let isNew = thread.isDelivered
            guard let (ended, mustLead) = thread.flight?.enroll(caller) else { return finish(thread) }
            if let ended { try complete(caller, with: ended) }
            thread.point = isNew || mustLead ? .startLeader : .checkEnded
        case .startLeader:
            let leader = startThread(
                .flightLeader, in: process, at: .leadTable, key: thread.key, deadline: thread.deadline)
            leader.flight = thread.flight
            lead(leader)
            thread.point = .checkEnded
        default:
            // Cancelled in between: what was just entered is taken out again.
            caller.isEntering = false
            if caller.isDone {
                _ = thread.flight?.dismiss(caller)
                process.asyncCallers.removeAll { $0 === caller }
            }
            finish(thread)
        }
    }

    private func followed(
        _ thread: SimulatedThread, _ caller: SimulatedCaller, _ end: SimulatedFlight.FollowEnd?
    ) throws(Violation) {
        switch end {
        case .outcome(let outcome):
            try complete(caller, with: outcome)
            finish(thread)
        case .leads:
            figures[.followersLed] += 1
            lead(thread)
        case .deadline:
            try complete(caller, with: .failure(.deadline))
            finish(thread)
        case nil:
            thread.point = .following
            thread.isSignalled = false
            thread.wait = .flight(until: thread.deadline)
        }
    }

    /// `DeadlineWatch.run()`: one caller whose time is up.
    private func expire(_ thread: SimulatedThread) throws(Violation) {
        thread.wait = .deadlines
        guard let due = thread.process.asyncCallers.first(where: { $0.deadline <= now }) else { return }
        let unpublished = due.flight?.dismiss(due)
        try complete(due, with: unpublished.map { .success(body: $0, isStored: false) } ?? .failure(.deadline))
    }

    /// `AsyncCaller.cancel()`.
    func cancel(_ caller: SimulatedCaller) {
        guard !caller.isDone else { return }
        figures[.cancellations] += 1
        note("caller \(caller.number) is cancelled")
        retire(caller)
        _ = caller.flight?.dismiss(caller)
    }

    /// A caller has its answer. What comes after the first is dropped.
    func complete(_ caller: SimulatedCaller, with outcome: SimulatedOutcome) throws(Violation) {
        guard !caller.isDone else { return }
        note("caller \(caller.number) of process \(caller.process.holder.pid) returns \(outcome)")
        retire(caller)
        switch outcome {
        case .success(let body, let isStored):
            figures[.successes] += 1
            if !isStored { figures[.deliveredUnpublished] += 1 }
            try checkDelivered(body, isStored: isStored, to: caller)
        case .failure(.deadline): figures[.deadlines] += 1
        case .failure: figures[.failures] += 1
        }
    }

    private func retire(_ caller: SimulatedCaller) {
        caller.isDone = true
        callers.removeAll { $0 === caller }
        caller.process.asyncCallers.removeAll { $0 === caller }
    }
}
