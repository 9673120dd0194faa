import ProcessSupport
import Testing

@testable import LeaseTable

/// The column "claim" of the lease's table, and the rules for those who waited.
struct ClaimTests {
    private func claim(
        _ record: LeaseRecord?, joined: Generation? = nil, hungUp: Generation? = nil, now: BootInstant
    ) -> ClaimDecision {
        LeaseStateMachine.claim(record, Claim(joined: joined, hungUp: hungUp), now: now)
    }

    private func fresh(_ lastFailure: LastFailure? = nil) -> ClaimDecision {
        .claimable(Grounds(attempt: 1, notBefore: .zero, lastFailure: lastFailure, takeover: nil))
    }

    private let join10 = ClaimDecision.join(
        generation(10), holder: holder(10), pipe: pipe(10), leaseEnds: at(112), attempt: 1)

    @Test func `nothing, claim: claimable`() {
        #expect(claim(nil, now: at(1)) == fresh())
        #expect(claim(nil, joined: generation(3), hungUp: generation(3), now: at(1)) == fresh())
    }

    @Test func `held and live, claim: join`() {
        #expect(claim(heldRecord(), now: at(100)) == join10)
        #expect(claim(heldRecord(), now: at(112, -1)) == join10)
        #expect(claim(heldRecord(), joined: generation(10), now: at(105)) == join10)
    }

    @Test func `held and past its end, claim: claimable, attempt + 1, not-before inherited`() {
        let record = heldRecord(attempt: 4, notBefore: at(140))
        #expect(record.leaseEnds == at(152))
        var ended = record
        ended.leaseEnds = at(112)
        #expect(
            claim(ended, now: at(112))
                == .claimable(
                    Grounds(attempt: 5, notBefore: at(140), lastFailure: nil, takeover: .leaseEnded)))
    }

    @Test func `held with hang-up seen on it, claim: claimable, attempt + 1, not-before inherited`() {
        let record = heldRecord(notBefore: at(103))
        let seen = generation(10)
        #expect(
            claim(record, joined: seen, hungUp: seen, now: at(101))
                == .claimable(
                    Grounds(attempt: 2, notBefore: at(103), lastFailure: nil, takeover: .holderDied)))
        // A not-before that has passed is none, from its very instant on.
        #expect(
            claim(record, joined: seen, hungUp: seen, now: at(103))
                == .claimable(Grounds(attempt: 2, notBefore: .zero, lastFailure: nil, takeover: .holderDied)))
        // Past its end as well: the hang-up says more.
        #expect(
            claim(heldRecord(), hungUp: seen, now: at(112))
                == .claimable(Grounds(attempt: 2, notBefore: .zero, lastFailure: nil, takeover: .holderDied)))
    }

    @Test func `held, hang-up seen on another generation, claim: join`() {
        for other in [generation(9), generation(11), generation(10, 2)] {
            #expect(claim(heldRecord(), joined: other, hungUp: other, now: at(105)) == join10)
        }
    }

    @Test func `the attempt stops at its greatest value`() {
        let record = heldRecord(attempt: .max)
        #expect(
            claim(record, now: at(112))
                == .claimable(
                    Grounds(attempt: .max, notBefore: .zero, lastFailure: nil, takeover: .leaseEnded)))
    }

    @Test func `success kept, claim: hit`() {
        let hit = ClaimDecision.hit(outcome(.success, generation(10)))
        #expect(claim(successRecord(), now: at(101)) == hit)
        #expect(claim(successRecord(), now: at(131, -1)) == hit)
        #expect(claim(successRecord(), joined: generation(12), hungUp: generation(10), now: at(102)) == hit)
    }

    @Test func `success no longer kept, claim: claimable`() {
        #expect(claim(successRecord(), now: at(131)) == fresh())
        #expect(claim(successRecord(), joined: generation(10), now: at(131)) == fresh())
    }

    @Test func `failed terminally and kept, claim: the same error at once`() {
        let failed = ClaimDecision.failed(outcome(.terminalFailure, generation(10)), retryNotBefore: nil)
        #expect(claim(terminalRecord(), now: at(101)) == failed)
        #expect(claim(terminalRecord(), now: at(106, -1)) == failed)
    }

    @Test func `failed terminally and no longer kept, claim: claimable`() {
        #expect(claim(terminalRecord(), now: at(106)) == fresh())
        #expect(claim(terminalRecord(), joined: generation(10), now: at(106)) == fresh())
    }

    @Test func `failed terminally, retention shorter than survival: those who waited still get it`() {
        var record = terminalRecord()
        record.keptUntil = at(102)
        #expect(claim(record, now: at(102)) == fresh(record.lastFailure))
        let failed = ClaimDecision.failed(outcome(.terminalFailure, generation(10)), retryNotBefore: nil)
        #expect(claim(record, joined: generation(10), now: at(106, -1)) == failed)
    }

    @Test func `failed terminally, retention longer than survival: everyone gets it`() {
        var record = terminalRecord()
        record.keptUntil = at(160)
        let failed = ClaimDecision.failed(outcome(.terminalFailure, generation(10)), retryNotBefore: nil)
        #expect(claim(record, now: at(160, -1)) == failed)
        #expect(claim(record, joined: generation(12), now: at(130)) == failed)
    }

    @Test func `failed transiently, claim: claimable, the failure inherited while it survives`() {
        let record = transientRecord()
        #expect(claim(record, now: at(101)) == fresh(record.lastFailure))
        #expect(claim(record, now: at(106, -1)) == fresh(record.lastFailure))
        #expect(claim(record, now: at(106)) == fresh())
    }

    @Test func `failed transiently with a not-before, claim: wait until then`() {
        let record = transientRecord(notBefore: at(103))
        #expect(claim(record, now: at(102)) == .wait(until: at(103)))
        #expect(claim(record, now: at(103, -1)) == .wait(until: at(103)))
        #expect(claim(record, now: at(103)) == fresh(record.lastFailure))
    }

    // MARK: Those who waited

    @Test func `joined the generation that failed, or an earlier one: failed, while it survives`() {
        let record = transientRecord(notBefore: at(103))
        let failure = outcome(.transientFailure, generation(10))
        for joined in [generation(10), generation(8)] {
            #expect(
                claim(record, joined: joined, hungUp: joined, now: at(102))
                    == .failed(failure, retryNotBefore: at(103)))
            #expect(
                claim(record, joined: joined, now: at(106, -1)) == .failed(failure, retryNotBefore: nil))
            #expect(claim(record, joined: joined, now: at(106)) == fresh())
        }
    }

    @Test func `joined a later generation than the one that failed, or another environment's: no failure`() {
        for joined in [generation(11), generation(10, 2), generation(5, 2)] {
            #expect(
                claim(transientRecord(), joined: joined, now: at(102)) == fresh(transientRecord().lastFailure)
            )
        }
    }

    @Test func `joined a generation that failed, somebody has claimed since: still failed`() {
        let failure = outcome(.transientFailure, generation(10))
        let successor = heldRecord(11, lastFailure: LastFailure(outcome: failure, keptUntil: at(106)))
        let join11 = ClaimDecision.join(
            generation(11), holder: holder(11), pipe: pipe(11), leaseEnds: at(112), attempt: 1)
        #expect(
            claim(successor, joined: generation(10), now: at(106, -1))
                == .failed(failure, retryNotBefore: nil))
        #expect(claim(successor, joined: generation(10), now: at(106)) == join11)
        #expect(claim(successor, joined: generation(11), now: at(102)) == join11)
        #expect(claim(successor, now: at(102)) == join11)
        // The successor died: its own waiters take over, those of 10 are answered.
        #expect(
            claim(successor, joined: generation(10), hungUp: generation(11), now: at(102))
                == .failed(failure, retryNotBefore: nil))
        #expect(
            claim(successor, joined: generation(11), hungUp: generation(11), now: at(102))
                == .claimable(
                    Grounds(
                        attempt: 2, notBefore: .zero, lastFailure: successor.lastFailure,
                        takeover: .holderDied)))
    }

    @Test func `an abandoned lease's failure does not answer those who had joined the abandoned one`() throws {
        let failure = LastFailure(outcome: outcome(.transientFailure, generation(10)), keptUntil: at(106))
        let decision = LeaseStateMachine.abandon(
            heldRecord(11, lastFailure: failure), generation: generation(11), now: at(102))
        guard case .store(let abandoned) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(claim(abandoned, joined: generation(11), now: at(103)) == fresh(failure))
        #expect(
            claim(abandoned, joined: generation(10), now: at(103))
                == .failed(failure.outcome, retryNotBefore: nil))
    }

    // MARK: The record of a granted claim

    @Test func `a granted claim is held from now, for the lease`() {
        let record = LeaseStateMachine.held(
            for: Grounds(attempt: 2, notBefore: .zero, lastFailure: nil, takeover: .holderDied),
            generation: generation(11), holder: holder(11), pipe: pipe(11), now: at(200), lease: .seconds(12))
        #expect(record.state == .held)
        #expect(record.generation == generation(11))
        #expect(record.holder == holder(11))
        #expect(record.pipe == pipe(11))
        #expect(record.claimedAt == at(200))
        #expect(record.leaseEnds == at(212))
        #expect(record.attempt == 2)
        #expect(record.inconsistency == nil)
    }

    @Test func `a granted claim with a not-before to come is held from then, for the lease`() {
        let failure = LastFailure(outcome: outcome(.transientFailure, generation(10)), keptUntil: at(205))
        let record = LeaseStateMachine.held(
            for: Grounds(attempt: 1, notBefore: at(209), lastFailure: failure, takeover: nil),
            generation: generation(11), holder: holder(11), pipe: pipe(11), now: at(200), lease: .seconds(12))
        #expect(record.leaseEnds == at(221))
        #expect(record.notBefore == at(209))
        #expect(record.lastFailure == failure)
        #expect(record.inconsistency == nil)
    }
}
