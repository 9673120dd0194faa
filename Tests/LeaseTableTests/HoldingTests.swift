import ProcessSupport
import Testing

@testable import LeaseTable

/// Renewing, giving up, asking before sending, and sweeping.
struct HoldingTests {
    private func renew(
        _ record: LeaseRecord?, _ transaction: UInt64 = 10, to end: BootInstant = at(130),
        notBefore: BootInstant? = nil, now: BootInstant = at(105)
    ) -> RenewDecision {
        LeaseStateMachine.renew(
            record, generation: generation(transaction), leaseEnds: end, notBefore: notBefore, now: now)
    }

    private func maySend(_ record: LeaseRecord?, _ transaction: UInt64 = 10, now: BootInstant) -> SendDecision {
        LeaseStateMachine.maySend(
            record, generation: generation(transaction), requestTimeout: .seconds(10), now: now)
    }

    private func abandon(_ record: LeaseRecord?, _ transaction: UInt64 = 10, now: BootInstant)
        -> AbandonDecision
    {
        LeaseStateMachine.abandon(record, generation: generation(transaction), now: now)
    }

    // MARK: Renew

    @Test(arguments: [at(105), at(112), at(150)])
    func `held by it, live or past its end, renew: the end moves`(now: BootInstant) {
        var expected = heldRecord()
        expected.leaseEnds = at(170)
        #expect(renew(heldRecord(), to: at(170), now: now) == .store(expected))
    }

    @Test func `renew never moves the end back`() {
        #expect(renew(heldRecord(), to: at(111)) == .store(heldRecord()))
        #expect(renew(heldRecord(), to: at(112)) == .store(heldRecord()))
    }

    @Test func `renew may set a not-before, and leaves it otherwise`() {
        var expected = heldRecord()
        expected.leaseEnds = at(130)
        expected.notBefore = at(108)
        #expect(renew(heldRecord(), notBefore: at(108)) == .store(expected))
        #expect(renew(expected) == .store(expected))
        #expect(expected.inconsistency == nil)
    }

    @Test func `not held by it, renew: lost`() {
        #expect(renew(nil) == .lost)
        #expect(renew(heldRecord(), 9) == .lost)
        #expect(renew(heldRecord(), 11) == .lost)
        #expect(renew(terminalRecord()) == .lost)
        #expect(renew(transientRecord()) == .lost)
        #expect(renew(successRecord(), now: at(131)) == .lost)
        #expect(
            LeaseStateMachine.renew(
                heldRecord(), generation: generation(10, 2), leaseEnds: at(130), notBefore: nil, now: at(105))
                == .lost)
    }

    @Test func `success kept, renew: adopt`() {
        #expect(renew(successRecord(), 8, now: at(131, -1)) == .adopt(outcome(.success, generation(10))))
    }

    // MARK: Abandon

    @Test func `held by it, nothing to keep, abandon: delete`() {
        #expect(abandon(heldRecord(), now: at(105)) == .delete)
        #expect(abandon(heldRecord(), now: at(150)) == .delete)
        // What it had inherited is over, from its very instant on.
        let failure = LastFailure(outcome: outcome(.transientFailure, generation(9)), keptUntil: at(104))
        #expect(abandon(heldRecord(notBefore: at(104), lastFailure: failure), now: at(104)) == .delete)
    }

    @Test(arguments: [OutcomeKind.transientFailure, .terminalFailure])
    func `held by it with a failure that survives, abandon: nobody's, the failure kept`(kind: OutcomeKind) {
        let failure = LastFailure(outcome: outcome(kind, generation(9)), keptUntil: at(104))
        let record = heldRecord(notBefore: at(102), lastFailure: failure)
        guard case .store(let abandoned) = abandon(record, now: at(104, -1)) else {
            Issue.record("not stored")
            return
        }
        #expect(abandoned.state == .failedTransient)
        #expect(abandoned.lastFailure == failure)
        #expect(abandoned.notBefore == .zero)
        #expect(abandoned.removableAt == at(104))
        #expect(abandoned.inconsistency == nil)
    }

    @Test func `held by it with a not-before to come, abandon: nobody's, the not-before kept`() {
        guard case .store(let abandoned) = abandon(heldRecord(notBefore: at(109)), now: at(109, -1)) else {
            Issue.record("not stored")
            return
        }
        #expect(abandoned.state == .failedTransient)
        #expect(abandoned.lastFailure == nil)
        #expect(abandoned.notBefore == at(109))
        #expect(abandoned.inconsistency == nil)
        #expect(LeaseStateMachine.claim(abandoned, Claim(), now: at(108)) == .wait(until: at(109)))
    }

    @Test func `not held by it, abandon: ignore`() {
        #expect(abandon(nil, now: at(105)) == .ignore)
        #expect(abandon(heldRecord(), 9, now: at(105)) == .ignore)
        #expect(abandon(heldRecord(), 11, now: at(150)) == .ignore)
        #expect(abandon(successRecord(), now: at(105)) == .ignore)
        #expect(abandon(successRecord(), now: at(131)) == .ignore)
        #expect(abandon(terminalRecord(), now: at(105)) == .ignore)
        #expect(abandon(transientRecord(), now: at(105)) == .ignore)
    }

    // MARK: Before sending

    @Test func `held by it with a request timeout left, may send: send`() {
        #expect(maySend(heldRecord(), now: at(100)) == .send)
        #expect(maySend(heldRecord(), now: at(102)) == .send)
    }

    @Test func `held by it with less than a request timeout left, may send: renew first`() {
        #expect(maySend(heldRecord(), now: at(102, 1)) == .renewFirst(leaseEnds: at(112, 1)))
        #expect(maySend(heldRecord(), now: at(112)) == .renewFirst(leaseEnds: at(122)))
        #expect(maySend(heldRecord(), now: at(150)) == .renewFirst(leaseEnds: at(160)))
        guard case .store(let renewed) = renew(heldRecord(), to: at(160), now: at(150)) else {
            Issue.record("not renewed")
            return
        }
        #expect(maySend(renewed, now: at(150)) == .send)
    }

    @Test func `held by it before its not-before, may send: wait`() {
        let record = heldRecord(notBefore: at(105))
        #expect(maySend(record, now: at(100)) == .waitUntil(at(105)))
        #expect(maySend(record, now: at(105, -1)) == .waitUntil(at(105)))
        #expect(maySend(record, now: at(105)) == .send)
    }

    @Test func `held by it, no request timeout left after its not-before, may send: renew first`() {
        var record = heldRecord()
        record.notBefore = at(105)
        #expect(maySend(record, now: at(100)) == .renewFirst(leaseEnds: at(115)))
        record.leaseEnds = at(115)
        #expect(maySend(record, now: at(100)) == .waitUntil(at(105)))
    }

    @Test func `not held by it, may send: lost`() {
        #expect(maySend(nil, now: at(100)) == .lost)
        #expect(maySend(heldRecord(), 9, now: at(100)) == .lost)
        #expect(maySend(heldRecord(), 11, now: at(100)) == .lost)
        #expect(maySend(terminalRecord(), now: at(102)) == .lost)
        #expect(maySend(transientRecord(), now: at(102)) == .lost)
        #expect(maySend(successRecord(), now: at(131)) == .lost)
    }

    @Test func `success kept, may send: adopt`() {
        #expect(maySend(successRecord(), now: at(131, -1)) == .adopt(outcome(.success, generation(10))))
        #expect(maySend(successRecord(), 8, now: at(102)) == .adopt(outcome(.success, generation(10))))
    }

    // MARK: Sweep

    @Test func `a record may go when nobody could get anything from it`() {
        let inherited = LastFailure(outcome: outcome(.transientFailure, generation(9)), keptUntil: at(140))
        var pausedLong = heldRecord()
        pausedLong.notBefore = at(125)
        let cases: [(LeaseRecord, BootInstant)] = [
            (heldRecord(), at(117)), (pausedLong, at(125)), (heldRecord(lastFailure: inherited), at(140)),
            (successRecord(), at(131)), (terminalRecord(), at(106)), (transientRecord(), at(106)),
            (transientRecord(notBefore: at(120)), at(120)), (transientRecord(notBefore: at(103)), at(106)),
        ]
        for (record, end) in cases {
            #expect(record.removableAt == end)
            #expect(!LeaseStateMachine.isRemovable(record, now: end.advanced(by: .nanoseconds(-1))))
            #expect(LeaseStateMachine.isRemovable(record, now: end))
        }
    }

    @Test func `a terminal failure kept longer than it survives stays as long`() {
        var record = terminalRecord()
        record.keptUntil = at(160)
        #expect(record.removableAt == at(160))
    }
}
