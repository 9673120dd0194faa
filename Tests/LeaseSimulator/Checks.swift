import LeaseTable
import ProcessSupport

// What must hold of each commit, each look and each call, measured by what is known from the events alone.
extension Schedule {
    func checkCommit(_ thread: SimulatedThread, _ write: PendingWrite, after: LeaseRecord?) throws(Violation) {
        let key = write.key
        var history = write.table.histories[key]
        defer { write.table.histories[key] = history }
        if let kept = history.kept(at: write.now) {
            throw Violation(promise: .agreement, details: "result \(kept) was replaced while it was kept")
        }
        let current = write.before.flatMap { $0.state == .held ? history.tenure($0.generation) : nil }
        if after?.state != .held || after?.generation != write.before?.generation {
            current?.end = (step, thread)
        }
        switch write.kind {
        case .claim:
            try checkGrant(thread, write, current, &history)
        case .renew(_, let notBefore):
            try checkOwn(thread, current, "a renewal")
            if let after { current?.leaseEnds = after.leaseEnds }
            if let notBefore { history.notBefore = notBefore }
        case .publish(let body):
            if current !== thread.tenure { figures[.lateSuccesses] += 1 }
            history.result = (body, write.now.advanced(by: configuration.resultRetention))
            history.stored.append(body)
            history.failure = nil
            history.terminalUntil = .zero
            history.notBefore = .zero
            for tenure in history.tenures { tenure.isSettled = true }
        case .fail(let kind, let notBefore):
            try checkOwn(thread, current, "a failure")
            current?.isSettled = true
            if let tenure = current {
                history.failure = (tenure.generation, write.now.advanced(by: configuration.failureSurvival))
            }
            if kind == .terminalFailure {
                history.terminalUntil = write.now.advanced(by: configuration.terminalFailureRetention)
                history.notBefore = .zero
            } else {
                history.notBefore = max(history.notBefore, notBefore ?? .zero)
            }
        case .abandon:
            try checkOwn(thread, current, "a release")
            current?.isSettled = true
        }
    }

    private func checkOwn(_ thread: SimulatedThread, _ current: SimulatedTenure?, _ what: String) throws(Violation) {
        guard let current, current === thread.tenure else {
            throw Violation(
                promise: .fencing, details: "\(what) of thread \(thread.number) counted without the lease")
        }
    }

    private func checkGrant(
        _ thread: SimulatedThread, _ write: PendingWrite, _ current: SimulatedTenure?, _ history: inout KeyHistory
    ) throws(Violation) {
        guard case .granted(let tenure) = write.ending else { return }
        if let current, write.now < current.leaseEnds, !current.isAbandoned {
            throw Violation(
                promise: .singleFlight,
                details: "generation \(name(tenure.generation)) took the lease of a live holder")
        }
        if let last = history.tenures.last, !tenure.generation.isSameOrLater(than: last.generation) {
            throw Violation(promise: .fencing, details: "generations went back")
        }
        if tenure.generation == history.tenures.last?.generation {
            throw Violation(promise: .fencing, details: "a generation came again")
        }
        if write.now < history.terminalUntil {
            throw Violation(promise: .failureHeard, details: "a terminal failure that is kept was claimed over")
        }
        try checkHeard(thread, history, now: write.now)
        switch tenure.takeover {
        case .holderDied: figures[.takeoversFromDead] += 1
        case .leaseEnded: figures[.takeoversAtLeaseEnd] += 1
        case nil: break
        }
        history.tenures.append(tenure)
    }

    // Who joined a generation hears of its failure, whoever has claimed since.
    private func checkHeard(_ thread: SimulatedThread, _ history: KeyHistory, now: BootInstant) throws(Violation) {
        guard let failure = history.failure, now < failure.keptUntil, let joined = thread.claim.joined,
            failure.generation.isSameOrLater(than: joined)
        else { return }
        throw Violation(
            promise: .failureHeard,
            details: "thread \(thread.number) waited for \(name(joined)) and did not hear of its failure")
    }

    func checkLook(_ thread: SimulatedThread, _ decision: ClaimDecision) throws(Violation) {
        guard let history = thread.table?.histories[thread.key] else { return }
        if case .hit(let sealed) = decision {
            let body = try open(sealed, key: thread.key)
            if !history.stored.contains(body) {
                throw Violation(promise: .agreement, details: "result \(body) was never stored")
            }
        }
        // The snapshot may be older than what happened since: only a failure of a joined generation, which was over
        // before anybody could be told to join another one, must show.
        if case .join(let generation, _, _, _, _) = decision, let failure = history.failure,
            generation != failure.generation, generation.isSameOrLater(than: failure.generation)
        {
            try checkHeard(thread, history, now: boot)
        }
    }

    func checkSwept(
        _ record: LeaseRecord, key: Int, in table: SimulatedTable, now: BootInstant
    ) throws(Violation) {
        let history = table.histories[key]
        let isLive = record.state == .held && now < record.leaseEnds
        if isLive || history.kept(at: now) != nil || now < history.terminalUntil || now < history.notBefore
            || history.failure.map({ now < $0.keptUntil }) ?? false
        {
            throw Violation(promise: .bounded, details: "a record that somebody needs was swept")
        }
        if record.state == .held { history.tenure(record.generation)?.end = (step, table.lockOwner ?? nobody) }
    }

    private var nobody: SimulatedThread {
        SimulatedThread(
            number: 0, process: SimulatedProcess(number: 0), role: .watch, caller: nil, key: 0, deadline: 0,
            point: .done)
    }

    /// A call begins.
    func checkSend(_ thread: SimulatedThread, _ tenure: SimulatedTenure) throws(Violation) {
        let check = thread.check ?? (tenure.end == nil, boot)
        let needed = check.at.advanced(by: configuration.requestTimeout)
        if !check.wasHolding || tenure.leaseEnds < needed {
            throw Violation(
                promise: .sending, details: "generation \(name(tenure.generation)) sends without a lease that lasts")
        }
        let history = tenure.table.histories[tenure.key]
        if check.at < history.notBefore, tenure.end == nil {
            throw Violation(promise: .sending, details: "the upstream asked not to be called yet")
        }
        for other in calls where other.tenure?.table === tenure.table && other.key == tenure.key {
            guard let rival = other.tenure, rival !== tenure else { continue }
            if rival.isCalling, rival.process.isAlive, !rival.isSettled, boot < rival.leaseEnds, tenure.end == nil {
                throw Violation(
                    promise: .singleFlight,
                    details: "\(name(tenure.generation)) calls while \(name(rival.generation)) does")
            }
        }
    }

    /// A holder lets its tenure go.
    func checkReleased(_ thread: SimulatedThread) throws(Violation) {
        if thread.success != nil, !thread.isSuccessSettled {
            throw Violation(promise: .nothingLost, details: "thread \(thread.number) dropped its result")
        }
    }

    func checkDelivered(_ body: Int, isStored: Bool, to caller: SimulatedCaller) throws(Violation) {
        let isKnown =
            isStored
            ? tables.contains { $0.histories[caller.key].stored.contains(body) } : (1...bodies).contains(body)
        if !isKnown {
            throw Violation(
                promise: .agreement, details: "caller \(caller.number) got result \(body), which is nobody's")
        }
    }
}
