import LeaseTable
import ProcessSupport

// The steps of a write transaction: `LeaseTable.write(until:_:)`, `WriteGuard` and `Environment.write` beneath. A process
// that is killed inside one leaves nothing written, and its transaction id to the next.
extension Schedule {
    func begin(
        _ thread: SimulatedThread, _ kind: PendingWrite.Kind, until deadline: UInt64, then point: Point
    ) {
        guard let table = thread.tenure?.table ?? thread.table else { return finish(thread) }
        thread.write = PendingWrite(kind, table: table, key: thread.key, deadline: deadline)
        thread.point = point
    }

    func stepWrite(_ thread: SimulatedThread) throws(Violation) {
        guard var write = thread.write else { return }
        let table = write.table
        switch write.phase {
        case .lock:
            if table.lockOwner == nil {
                table.lockOwner = thread
                write.phase = .decide
                thread.write = write
            } else if now >= write.deadline {
                figures[.lockTimeouts] += 1
                note(thread, "does not get the write lock in time")
                end(thread, .timedOut)
            } else {
                thread.wait = .lock(until: write.deadline)
            }
        case .decide where write.stage == .sweep:
            table.lockOwner = nil
            if table.fullUntil <= now { try sweep(table, atMost: 64, now: boot) }
            write.stage = .again
            write.phase = .lock
            thread.write = write
        case .decide:
            write.now = boot
            write.before = try table.record(write.key)
            try decide(thread, &write)
            if case .noRoom = write.ending { return lackRoom(thread, write) }
            guard write.change != nil else {
                table.hasAborted = true
                table.lockOwner = nil
                thread.write = write
                try wakeOrEnd(thread, write)
                return
            }
            write.phase = .commit
            thread.write = write
        case .commit:
            if table.fullUntil > now { return lackRoom(thread, write) }
            try commit(thread, write)
        }
    }

    private func lackRoom(_ thread: SimulatedThread, _ pending: PendingWrite) {
        var write = pending
        figures[.roomLacking] += 1
        write.table.lockOwner = nil
        write.table.hasAborted = true
        guard write.stage == .first else { return end(thread, .noRoom) }
        write.stage = .sweep
        write.phase = .lock
        write.change = nil
        write.ending = nil
        thread.write = write
    }

    private func commit(_ thread: SimulatedThread, _ write: PendingWrite) throws(Violation) {
        let table = write.table
        var after: LeaseRecord?
        switch write.change {
        case .store(let record):
            after = record
            try table.store(record, replacing: write.before, at: write.key)
        case .delete, nil: table.delete(write.before, at: write.key)
        }
        try sweep(
            table, atMost: write.stage == .first ? configuration.sweepsPerWrite : 0, now: write.now)
        table.lastTransaction += 1
        if table.hasAborted { figures[.identifiersReused] += 1 }
        table.hasAborted = false
        table.lockOwner = nil
        try checkCommit(thread, write, after: after)
        try table.checkIndex()
        note(thread, "commits \(table.lastTransaction) of table \(table.number): \(write.kind)")
        try wakeOrEnd(thread, write)
    }

    private func sweep(_ table: SimulatedTable, atMost limit: Int, now: BootInstant) throws(Violation) {
        for (key, record) in try table.removeExpired(atMost: limit, now: now) {
            figures[.swept] += 1
            try checkSwept(record, key: key, in: table, now: now)
        }
    }

    /// After the transaction: publish, fail and abandon wake, whatever was decided.
    private func wakeOrEnd(_ thread: SimulatedThread, _ write: PendingWrite) throws(Violation) {
        guard let ending = write.ending else { return finish(thread) }
        switch write.kind {
        case .claim, .renew: end(thread, ending)
        case .publish, .fail, .abandon:
            let point = thread.point
            end(thread, ending)
            if case .abandon = write.kind, case .ignored = ending { return }
            thread.afterWake = point
            thread.point = .wakeOwn
            thread.owesWake = true
        }
    }

    private func end(_ thread: SimulatedThread, _ ending: WriteEnding) {
        thread.ending = ending
        thread.write = nil
    }

    // MARK: Decisions

    private func decide(_ thread: SimulatedThread, _ write: inout PendingWrite) throws(Violation) {
        let before = write.before
        if case .claim = write.kind { return try decideClaim(thread, &write) }
        guard let tenure = thread.tenure else { return finish(thread) }
        switch write.kind {
        case .claim: break
        case .renew(let ends, let notBefore):
            switch LeaseStateMachine.renew(
                before, generation: tenure.generation, leaseEnds: ends, notBefore: notBefore, now: write.now)
            {
            case .store(let record): (write.change, write.ending) = (.store(record), .stored)
            case .lost: write.ending = .lost
            case .adopt(let sealed): write.ending = .adopted(sealed)
            }
        case .publish(let body):
            let sealed = try seal(body, .success, tenure.generation, key: write.key)
            let isOverwriting = options.broken == .overwriteSuccess && before?.state == .success
            switch LeaseStateMachine.publish(
                isOverwriting ? nil : before, success: sealed, publisher: thread.process.holder,
                pipe: tenure.pipeName, retention: configuration.resultRetention, now: write.now)
            {
            case .store(let record, let other):
                (write.change, write.ending) = (.store(record), .stored)
                thread.wakeOther = other.flatMap { $0.number == 0 ? nil : $0 }
            case .adopt(let sealed): write.ending = .adopted(sealed)
            }
        case .fail(let kind, let notBefore):
            var generation = tenure.generation
            if options.broken == .acceptStaleFailure, let before { generation = before.generation }
            let retention = FailureRetention(
                terminal: configuration.terminalFailureRetention,
                survival: options.broken == .forgetFailure ? .zero : configuration.failureSurvival)
            switch LeaseStateMachine.fail(
                before, failure: try seal(thread.number, kind, generation, key: write.key), retention: retention,
                notBefore: notBefore, now: write.now)
            {
            case .store(let record): (write.change, write.ending) = (.store(record), .stored)
            case .ignore: write.ending = .ignored
            case .adopt(let sealed): write.ending = .adopted(sealed)
            }
        case .abandon:
            switch LeaseStateMachine.abandon(before, generation: tenure.generation, now: write.now) {
            case .delete: (write.change, write.ending) = (.delete, .stored)
            case .store(let record): (write.change, write.ending) = (.store(record), .stored)
            case .ignore: write.ending = .ignored
            }
        }
    }

    /// `LeaseTable.claim(_:as:pipe:deadline:)`.
    private func decideClaim(_ thread: SimulatedThread, _ write: inout PendingWrite) throws(Violation) {
        guard let prepared = thread.prepared else { return finish(thread) }
        let claim = tampered(thread.claim, write.before)
        let decision = LeaseStateMachine.claim(write.before, claim, now: write.now)
        guard case .claimable(let grounds) = decision else {
            write.ending = .decided(decision)
            return
        }
        if now < write.table.claimsRefusedUntil {
            write.ending = .noRoom
            return
        }
        let generation = Generation(environment: write.table.id, transaction: write.table.lastTransaction + 1)
        let record = LeaseStateMachine.held(
            for: grounds, generation: generation, holder: thread.process.holder, pipe: prepared.name, now: write.now,
            lease: configuration.lease)
        write.change = .store(record)
        write.ending = .granted(
            SimulatedTenure(
                generation: generation, key: write.key, table: write.table, process: thread.process,
                pipe: prepared.pipe, pipeName: prepared.name, takeover: grounds.takeover,
                leaseEnds: record.leaseEnds))
    }

    /// The claim as the caller makes it; in one variant, without regard to whose hang-up it saw.
    func tampered(_ claim: Claim, _ record: LeaseRecord?) -> Claim {
        guard options.broken == .claimWithoutCompare, claim.hungUp != nil else { return claim }
        return Claim(joined: claim.joined, hungUp: record?.generation)
    }
}
