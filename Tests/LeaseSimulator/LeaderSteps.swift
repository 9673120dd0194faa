import LeaseTable
import ProcessSupport
import SeededRandom

// The steps of `FlightLeader.lead(until:)` and of `FlightThread.handOver(_:_:)`.
extension Schedule {
    /// The beginning of `lead(until:)`: what the last leader knew.
    func lead(_ thread: SimulatedThread) {
        guard let flight = thread.flight else { return }
        (thread.claim, thread.table) = flight.handover
        thread.round = 0
        thread.point = .leadTable
    }

    func stepLeader(_ thread: SimulatedThread) throws(Violation) {
        switch thread.point {
        case .leadTable:
            // Looks go to the table that is open; only a claim must be made in the one at the path.
            if thread.table == nil { thread.table = thread.process.openTable ?? currentTable(thread.process) }
            thread.point = .lookRead
        case .lookRead:
            thread.snapshot = try thread.table?.record(thread.key)
            thread.point = .lookDecide
        case .lookDecide:
            let decision = LeaseStateMachine.claim(
                thread.snapshot, tampered(thread.claim, thread.snapshot), now: boot)
            thread.end?.close()
            thread.end = nil
            if case .claimable = decision {
                thread.point = .checkCurrent
            } else {
                try act(thread, on: decision)
            }
        case .checkCurrent:
            if thread.table === tableAtPath {
                thread.point = .preparePipe
            } else {
                thread.claim = Claim()
                discardPrepared(thread)
                thread.table = currentTable(thread.process)
                thread.point = .leadTable
            }
        case .preparePipe:
            try preparePipe(thread)
        case .claimed:
            try claimed(thread)
        case .sleptUntilNotBefore, .polled, .openPipe, .secondRead, .secondDecide, .probe, .wokenByPipe, .beginPoll:
            try stepWait(thread)
        case .abandoned:
            // The tenure goes with `begin(_:in:)`.
            release(thread)
            end(thread, with: .failure(.resources))
        case .handOver:
            handOver(thread, claim: thread.claim)
            try leadingEnded(thread, isTimedOut: true)
        case .finishRemove:
            if let flight = thread.flight { thread.process.remove(flight) }
            thread.point = .finishDeliver
        case .finishDeliver:
            guard let outcome = thread.outcome, let flight = thread.flight else { return finish(thread) }
            for caller in flight.finish(outcome) { try complete(caller, with: outcome) }
            if thread.role == .holder || thread.role == .lone {
                thread.point = thread.afterFinish
                if thread.point == .done { finish(thread) }
            } else {
                try leadingEnded(thread, isTimedOut: false)
            }
        default:
            finish(thread)
        }
    }

    /// `FlightTable.currentTable(_:deadline:)`.
    private func currentTable(_ process: SimulatedProcess) -> SimulatedTable {
        if let open = process.openTable {
            if open === tableAtPath { return open }
            figures[.reopenings] += 1
        }
        let table: SimulatedTable
        if let tableAtPath {
            table = tableAtPath
        } else {
            let bytes = [random.next(), random.next()].flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
            }
            // Sixteen bytes always make a name.
            table = SimulatedTable(
                number: tables.count + 1, id: EnvironmentID(bytes: bytes) ?? EnvironmentID(), keys: settings.keys)
            tables.append(table)
            tableAtPath = table
            note("process \(process.holder.pid) makes table \(table.number)")
        }
        process.openTable = table
        return table
    }

    private func preparePipe(_ thread: SimulatedThread) throws(Violation) {
        guard let table = thread.table else { return finish(thread) }
        if thread.prepared == nil {
            named.pipes += 1
            let name = WakePipeName(
                holder: thread.process.holder, number: settings.usesPipes ? UInt64(named.pipes) : 0)
            if !settings.usesPipes {
                thread.prepared = PreparedName(pipe: nil, name: name)
            } else if table.isRemoved {
                // mkfifo in a directory that was removed: ENOENT.
                return coordinationFailed(thread)
            } else if let spare = thread.process.sparePipes.popLast(), spare.table === table {
                spare.drain()
                thread.prepared = PreparedName(pipe: spare, name: spare.name)
            } else {
                let pipe = SimulatedPipe(name: name, table: table)
                pipe.openForBoth()
                table.pipes.append(pipe)
                thread.prepared = PreparedName(pipe: pipe, name: name)
            }
        }
        begin(thread, .claim, until: thread.deadline, then: .claimed)
    }

    private func claimed(_ thread: SimulatedThread) throws(Violation) {
        switch thread.ending {
        case .granted(let tenure):
            figures[.claims] += 1
            begin(tenure, from: thread)
        case .decided(let decision):
            figures[.lostRaces] += 1
            if case .claimable = decision { thread.point = .leadTable } else { try act(thread, on: decision) }
        case .timedOut: thread.point = .handOver
        default: coordinationFailed(thread)
        }
    }

    /// `FlightLeader.begin(_:in:)`.
    private func begin(_ tenure: SimulatedTenure, from thread: SimulatedThread) {
        thread.prepared = nil
        if isHostile, random.perMille(5) {
            // No thread to be had: others may have one.
            figures[.abandonedLeases] += 1
            thread.tenure = tenure
            begin(thread, .abandon, until: now + 1_000_000_000, then: .abandoned)
            return
        }
        let holder = startThread(.holder, in: thread.process, at: .maySendRead, key: thread.key)
        holder.tenure = tenure
        holder.table = thread.table
        holder.flight = thread.flight
        holder.giveUp = now + nanoseconds(configuration.callerDeadline)
        leadHandedOn(thread)
    }

    /// `FlightLeader.coordinationFailed(_:)`.
    private func coordinationFailed(_ thread: SimulatedThread) {
        guard configuration.whenCoordinationFails == .refreshAlone else {
            return end(thread, with: .failure(.coordination))
        }
        figures[.refreshesAlone] += 1
        let lone = startThread(.lone, in: thread.process, at: .loneSend, key: thread.key)
        lone.flight = thread.flight
        leadHandedOn(thread)
    }

    /// What follows from a look.
    private func act(_ thread: SimulatedThread, on decision: ClaimDecision) throws(Violation) {
        try checkLook(thread, decision)
        switch decision {
        case .hit(let sealed):
            figures[.hits] += 1
            end(thread, with: .success(body: try open(sealed, key: thread.key), isStored: true))
        case .failed(let sealed, _):
            figures[.inheritedFailures] += 1
            _ = try open(sealed, key: thread.key)
            end(thread, with: .failure(.upstream))
        case .wait(let until):
            figures[.notBeforeWaits] += 1
            let instant = now + nanoseconds(max(.zero, boot.duration(to: until)))
            thread.pollUntil = instant
            thread.wait = .until(min(instant, thread.deadline))
            thread.point = .sleptUntilNotBefore
        case .join(let generation, let holder, let pipe, let leaseEnds, _):
            figures[.joins] += 1
            thread.round = thread.claim.joined == generation ? thread.round + 1 : 0
            thread.claim = Claim(joined: generation)
            thread.joined = JoinedFacts(generation: generation, holder: holder, pipe: pipe, leaseEnds: leaseEnds)
            thread.point = settings.usesPipes ? .openPipe : .beginPoll
        case .claimable:
            thread.point = .leadTable
        }
    }

    /// The end of a round of `lead(until:)`.
    func roundEnded(_ thread: SimulatedThread) {
        thread.point = now >= thread.deadline ? .handOver : .leadTable
    }

    /// `FlightLeader.finish(_:)`.
    func end(_ thread: SimulatedThread, with outcome: SimulatedOutcome) {
        thread.outcome = outcome
        thread.point = .finishRemove
    }

    /// `End.handedToThread`.
    private func leadHandedOn(_ thread: SimulatedThread) {
        letGo(thread)
        if thread.role == .caller { thread.point = .follow } else { finish(thread) }
    }

    private func leadingEnded(_ thread: SimulatedThread, isTimedOut: Bool) throws(Violation) {
        letGo(thread)
        guard let caller = thread.caller, thread.role == .caller else { return finish(thread) }
        if isTimedOut {
            try complete(caller, with: .failure(.deadline))
            finish(thread)
        } else {
            thread.point = .follow
        }
    }

    /// `FlightThread.handOver(_:_:)`.
    func handOver(_ thread: SimulatedThread, claim: Claim) {
        guard let flight = thread.flight else { return }
        switch flight.stepDown((claim, thread.table), ifNobody: { thread.process.remove(flight) }) {
        case .follower, .nobody: break
        case .needsThread(let deadline):
            figures[.threadsLed] += 1
            let leader = startThread(
                .flightLeader, in: thread.process, at: .leadTable, key: thread.key, deadline: deadline)
            leader.flight = flight
            lead(leader)
        }
    }

    /// What `lead(until:)` owns goes when it returns.
    private func letGo(_ thread: SimulatedThread) {
        thread.end?.close()
        thread.end = nil
        discardPrepared(thread)
    }

    func discardPrepared(_ thread: SimulatedThread) {
        if let pipe = thread.prepared?.pipe {
            pipe.closeForBoth()
            unlink(pipe)
        }
        thread.prepared = nil
    }

    func unlink(_ pipe: SimulatedPipe) {
        pipe.isLinked = false
        pipe.table.pipes.removeAll { $0 === pipe }
    }
}
