import ProcessSupport
import Testing

@testable import LeaseTable

/// The columns "success" and "failure" of the lease's table.
struct OutcomeTransitionTests {
    private func publish(_ record: LeaseRecord?, _ transaction: UInt64, now: BootInstant) -> PublishDecision {
        LeaseStateMachine.publish(
            record, success: outcome(.success, generation(transaction), filler: 9),
            publisher: holder(Int32(transaction)), pipe: pipe(Int32(transaction)), retention: .seconds(30),
            now: now)
    }

    private func fail(
        _ record: LeaseRecord?, _ transaction: UInt64, _ kind: OutcomeKind = .transientFailure,
        notBefore: BootInstant? = nil, environment: UInt8 = 1, now: BootInstant
    ) -> FailDecision {
        LeaseStateMachine.fail(
            record, failure: outcome(kind, generation(transaction, environment), filler: 9),
            retention: FailureRetention(terminal: .seconds(4), survival: .seconds(6)), notBefore: notBefore,
            now: now)
    }

    /// Expects that the success of `transaction` is stored, kept 30 s, as that generation's.
    private func expectStored(
        _ decision: PublishDecision, _ transaction: UInt64, wake: WakePipeName? = nil, now: BootInstant,
        at location: SourceLocation = #_sourceLocation
    ) {
        guard case .store(let record, let woken) = decision else {
            Issue.record("\(decision)", sourceLocation: location)
            return
        }
        #expect(woken == wake, sourceLocation: location)
        #expect(record.state == .success, sourceLocation: location)
        #expect(
            record.success == outcome(.success, generation(transaction), filler: 9), sourceLocation: location)
        #expect(record.generation == generation(transaction), sourceLocation: location)
        #expect(record.pipe == pipe(Int32(transaction)), sourceLocation: location)
        #expect(record.publishedAt == now, sourceLocation: location)
        #expect(record.keptUntil == now.advanced(by: .seconds(30)), sourceLocation: location)
        #expect(record.inconsistency == nil, sourceLocation: location)
    }

    // MARK: Success

    @Test func `nothing, success: store`() {
        expectStored(publish(nil, 10, now: at(103)), 10, now: at(103))
    }

    @Test func `held and live, success of the current generation: store`() {
        let decision = publish(heldRecord(attempt: 3), 10, now: at(103))
        expectStored(decision, 10, now: at(103))
        guard case .store(let record, _) = decision else { return }
        #expect(record.claimedAt == at(100))
        #expect(record.leaseEnds == at(112))
        #expect(record.attempt == 3)
    }

    @Test func `held and live, success of an older generation: store, and wake the waiters of the lease`() {
        expectStored(publish(heldRecord(), 8, now: at(103)), 8, wake: pipe(10), now: at(103))
    }

    @Test func `held and past its end, success of any generation: store`() {
        expectStored(publish(heldRecord(), 10, now: at(112)), 10, now: at(112))
        expectStored(publish(heldRecord(), 8, now: at(112)), 8, wake: pipe(10), now: at(112))
    }

    @Test func `success kept, success: adopt the stored one`() {
        let stored = PublishDecision.adopt(outcome(.success, generation(10)))
        for transaction in [8, 10, 12] as [UInt64] {
            #expect(publish(successRecord(), transaction, now: at(102)) == stored)
            #expect(publish(successRecord(), transaction, now: at(131, -1)) == stored)
        }
    }

    @Test func `success no longer kept, success: store`() {
        for transaction in [8, 10, 12] as [UInt64] {
            expectStored(publish(successRecord(), transaction, now: at(131)), transaction, now: at(131))
        }
    }

    @Test func `failed terminally and kept, success: store, a late rotation`() {
        for transaction in [8, 10] as [UInt64] {
            expectStored(publish(terminalRecord(), transaction, now: at(102)), transaction, now: at(102))
        }
    }

    @Test func `failed terminally and no longer kept, success: store`() {
        expectStored(publish(terminalRecord(), 8, now: at(106)), 8, now: at(106))
    }

    @Test func `failed transiently, success: store`() {
        expectStored(publish(transientRecord(notBefore: at(120)), 8, now: at(102)), 8, now: at(102))
        expectStored(publish(transientRecord(), 10, now: at(200)), 10, now: at(200))
    }

    // MARK: Failure

    @Test func `nothing, failure: ignore`() {
        #expect(fail(nil, 10, now: at(103)) == .ignore)
    }

    @Test(arguments: [at(103), at(112), at(150)])
    func `held, live or past its end, failure of the current generation: failed`(now: BootInstant) {
        for kind in [OutcomeKind.terminalFailure, .transientFailure] {
            let inherited = LastFailure(
                outcome: outcome(.transientFailure, generation(9)), keptUntil: at(104))
            guard case .store(let record) = fail(heldRecord(lastFailure: inherited), 10, kind, now: now)
            else {
                Issue.record("not stored")
                return
            }
            #expect(record.state == (kind == .terminalFailure ? .failedTerminal : .failedTransient))
            #expect(record.generation == generation(10))
            #expect(record.lastFailure?.outcome == outcome(kind, generation(10), filler: 9))
            #expect(record.lastFailure?.keptUntil == now.advanced(by: .seconds(6)))
            #expect(record.publishedAt == now)
            #expect(record.keptUntil == (kind == .terminalFailure ? now.advanced(by: .seconds(4)) : .zero))
            #expect(record.inconsistency == nil)
        }
    }

    @Test func `held, failure of another generation: ignore`() {
        for now in [at(103), at(112)] {
            for kind in [OutcomeKind.terminalFailure, .transientFailure] {
                #expect(fail(heldRecord(), 9, kind, now: now) == .ignore)
                #expect(fail(heldRecord(), 11, kind, now: now) == .ignore)
                #expect(fail(heldRecord(), 10, kind, environment: 2, now: now) == .ignore)
            }
        }
    }

    @Test func `success kept, failure: adopt the stored one`() {
        let stored = FailDecision.adopt(outcome(.success, generation(10)))
        for transaction in [8, 10, 12] as [UInt64] {
            #expect(fail(successRecord(), transaction, now: at(131, -1)) == stored)
            #expect(fail(successRecord(), transaction, .terminalFailure, now: at(102)) == stored)
        }
    }

    @Test func `success no longer kept, failure: ignore`() {
        #expect(fail(successRecord(), 10, now: at(131)) == .ignore)
        #expect(fail(successRecord(), 12, .terminalFailure, now: at(131)) == .ignore)
    }

    @Test func `failed terminally, kept or not, failure: ignore`() {
        for now in [at(102), at(106)] {
            #expect(fail(terminalRecord(), 10, now: now) == .ignore)
            #expect(fail(terminalRecord(), 10, .terminalFailure, now: now) == .ignore)
        }
    }

    @Test func `failed transiently, failure: ignore`() {
        #expect(fail(transientRecord(), 10, .terminalFailure, now: at(102)) == .ignore)
        #expect(fail(transientRecord(), 8, now: at(102)) == .ignore)
    }

    @Test func `a success is no failure: ignore`() {
        #expect(fail(heldRecord(), 10, .success, now: at(102)) == .ignore)
    }

    @Test func `a transient failure's not-before is the furthest anyone asked for, a terminal one has none`() {
        func notBefore(_ record: LeaseRecord, _ kind: OutcomeKind, _ asked: BootInstant?) -> BootInstant? {
            guard case .store(let failed) = fail(record, 10, kind, notBefore: asked, now: at(102)) else {
                return nil
            }
            return failed.notBefore
        }
        #expect(notBefore(heldRecord(), .transientFailure, nil) == .zero)
        #expect(notBefore(heldRecord(), .transientFailure, at(105)) == at(105))
        #expect(notBefore(heldRecord(notBefore: at(109)), .transientFailure, nil) == at(109))
        #expect(notBefore(heldRecord(notBefore: at(109)), .transientFailure, at(105)) == at(109))
        #expect(notBefore(heldRecord(notBefore: at(109)), .transientFailure, at(110)) == at(110))
        #expect(notBefore(heldRecord(notBefore: at(109)), .terminalFailure, at(110)) == .zero)
    }
}
