public import ProcessSupport

/// The life of a lease: pure functions of (stored record or nothing, event, now) that say what to do.
///
/// Each is to be called inside the transaction that read the record and that will store the answer, with one
/// `now` read after the write lock was had. ``claim(_:_:now:)`` also serves looks that only read. A lease is
/// live while `now < leaseEnds`, an outcome kept while `now < keptUntil`. No clock, no I/O, no state: thread-
/// and fork-safe.
public enum LeaseStateMachine {
    // MARK: Claiming

    /// What a caller that looks at the key is to do.
    ///
    /// A kept result answers everyone, a kept terminal failure too. Any failure, for as long as it survives,
    /// answers those who had joined the generation that failed or an earlier one, even where somebody has
    /// claimed since.
    public static func claim(_ record: LeaseRecord?, _ claim: Claim, now: BootInstant) -> ClaimDecision {
        guard let record else { return .claimable(fresh(after: nil)) }
        if let success = record.keptSuccess(at: now) { return .hit(success) }
        if let failure = failure(in: record, for: claim.joined, now: now) {
            return .failed(failure, retryNotBefore: record.pendingNotBefore(at: now))
        }
        let lastFailure = record.lastFailure.flatMap { $0.isKept(at: now) ? $0 : nil }
        switch record.state {
        case .held:
            let holderDied = claim.hungUp == record.generation
            if !holderDied, now < record.leaseEnds {
                return .join(
                    record.generation, holder: record.holder, pipe: record.pipe, leaseEnds: record.leaseEnds,
                    attempt: record.attempt)
            }
            return .claimable(
                Grounds(
                    attempt: record.attempt == .max ? .max : record.attempt + 1,
                    notBefore: record.pendingNotBefore(at: now) ?? .zero, lastFailure: lastFailure,
                    takeover: holderDied ? .holderDied : .leaseEnded))
        case .success:
            return .claimable(fresh(after: nil))
        case .failedTerminal:
            return .claimable(fresh(after: lastFailure))
        case .failedTransient:
            if let notBefore = record.pendingNotBefore(at: now) { return .wait(until: notBefore) }
            return .claimable(fresh(after: lastFailure))
        }
    }

    private static func fresh(after lastFailure: LastFailure?) -> Grounds {
        Grounds(attempt: 1, notBefore: .zero, lastFailure: lastFailure, takeover: nil)
    }

    // The failure that answers who has waited on `joined`, or for a terminal one that is kept, anyone.
    private static func failure(
        in record: LeaseRecord, for joined: Generation?, now: BootInstant
    ) -> SealedOutcome? {
        guard let lastFailure = record.lastFailure else { return nil }
        if record.state == .failedTerminal, now < record.keptUntil { return lastFailure.outcome }
        guard let joined, lastFailure.isKept(at: now),
            lastFailure.outcome.generation.isSameOrLater(than: joined)
        else { return nil }
        return lastFailure.outcome
    }

    /// The record to store for a claim that was found ``ClaimDecision/claimable(_:)``.
    ///
    /// `pipe` is one that `holder` has open already. The lease counts from `now` or, where the upstream asked
    /// for a pause that is not over, from its end.
    public static func held(
        for grounds: Grounds, generation: Generation, holder: Holder, pipe: WakePipeName, now: BootInstant,
        lease: Duration
    ) -> LeaseRecord {
        LeaseRecord(
            state: .held, generation: generation, holder: holder, pipeNumber: pipe.number, claimedAt: now,
            leaseEnds: max(now, grounds.notBefore).advanced(by: lease), publishedAt: .zero, keptUntil: .zero,
            notBefore: grounds.notBefore, attempt: grounds.attempt, success: nil,
            lastFailure: grounds.lastFailure)
    }

    // MARK: Ending

    /// What becomes of a result. It counts from any generation, as long as no result is kept.
    ///
    /// `success` is of kind success, its generation the publisher's, in the environment it will be stored in.
    /// `publisher` and `pipe` name who publishes, for where the record is not (any more) its own.
    public static func publish(
        _ record: LeaseRecord?, success: SealedOutcome, publisher: Holder, pipe: WakePipeName,
        retention: Duration,
        now: BootInstant
    ) -> PublishDecision {
        if let stored = record?.keptSuccess(at: now) { return .adopt(stored) }
        let generation = success.generation
        let own = record.flatMap { $0.generation == generation ? $0 : nil }
        let stored = LeaseRecord(
            state: .success, generation: generation, holder: publisher, pipeNumber: pipe.number,
            claimedAt: own?.claimedAt ?? .zero, leaseEnds: own?.leaseEnds ?? .zero, publishedAt: now,
            keptUntil: now.advanced(by: retention), notBefore: .zero, attempt: own?.attempt ?? 1,
            success: success,
            lastFailure: nil)
        guard let record, record.state == .held, own == nil else { return .store(stored, wake: nil) }
        return .store(stored, wake: record.pipe)
    }

    /// What becomes of a failure. It counts only from the generation that holds the lease, be its end past or
    /// not.
    ///
    /// `failure` is of either kind of failure, its generation the reporter's. `notBefore` is what the
    /// upstream asked for, used for a transient failure; an earlier wish that reaches further stays.
    public static func fail(
        _ record: LeaseRecord?, failure: SealedOutcome, retention: FailureRetention, notBefore: BootInstant?,
        now: BootInstant
    ) -> FailDecision {
        if let success = record?.keptSuccess(at: now) { return .adopt(success) }
        guard var failed = record, failed.isHeld(by: failure.generation) else { return .ignore }
        switch failure.kind {
        case .success:
            return .ignore
        case .terminalFailure:
            failed.state = .failedTerminal
            failed.keptUntil = now.advanced(by: retention.terminal)
            failed.notBefore = .zero
        case .transientFailure:
            failed.state = .failedTransient
            failed.notBefore = max(notBefore ?? .zero, failed.notBefore)
        }
        failed.publishedAt = now
        failed.lastFailure = LastFailure(outcome: failure, keptUntil: now.advanced(by: retention.survival))
        return .store(failed)
    }

    /// What becomes of a lease whose holder gives it up without an outcome.
    ///
    /// A failure that still survives and a not-before still to come outlast it, in a record that nobody
    /// holds.
    public static func abandon(
        _ record: LeaseRecord?, generation: Generation, now: BootInstant
    ) -> AbandonDecision {
        guard var abandoned = record, abandoned.isHeld(by: generation) else { return .ignore }
        abandoned.lastFailure = abandoned.lastFailure.flatMap { $0.isKept(at: now) ? $0 : nil }
        abandoned.notBefore = abandoned.pendingNotBefore(at: now) ?? .zero
        if abandoned.lastFailure == nil, abandoned.notBefore == .zero { return .delete }
        abandoned.state = .failedTransient
        return .store(abandoned)
    }

    // MARK: Holding

    /// What becomes of a wish for more time, and for a pause where `notBefore` is given.
    ///
    /// The end never moves back. A lease past its end that nobody has taken goes on.
    public static func renew(
        _ record: LeaseRecord?, generation: Generation, leaseEnds: BootInstant, notBefore: BootInstant?,
        now: BootInstant
    ) -> RenewDecision {
        if let success = record?.keptSuccess(at: now) { return .adopt(success) }
        guard var renewed = record, renewed.isHeld(by: generation) else { return .lost }
        renewed.leaseEnds = max(renewed.leaseEnds, leaseEnds)
        renewed.notBefore = notBefore ?? renewed.notBefore
        return .store(renewed)
    }

    /// Whether a holder may call the upstream, to be asked just before it does.
    ///
    /// Only with a whole `requestTimeout` of lease left, counted from the end of a pause where there is one:
    /// so a holder that was stopped in between does not send what somebody else has spent, and nobody takes
    /// over while the call may still be answered.
    public static func maySend(
        _ record: LeaseRecord?, generation: Generation, requestTimeout: Duration, now: BootInstant
    ) -> SendDecision {
        if let success = record?.keptSuccess(at: now) { return .adopt(success) }
        guard let record, record.isHeld(by: generation) else { return .lost }
        let needed = max(now, record.notBefore).advanced(by: requestTimeout)
        if record.leaseEnds < needed { return .renewFirst(leaseEnds: needed) }
        if let notBefore = record.pendingNotBefore(at: now) { return .waitUntil(notBefore) }
        return .send
    }

    // MARK: Sweeping

    /// Whether a sweep may delete the record: nobody could get anything from it any more.
    public static func isRemovable(_ record: LeaseRecord, now: BootInstant) -> Bool {
        now >= record.removableAt
    }
}
