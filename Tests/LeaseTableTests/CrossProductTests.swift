import ProcessSupport
import Testing

@testable import LeaseTable

/// Every state, at every edge of its time, against every event from every generation: each has one answer, what is
/// stored can be read again, and the rules that hold across cells hold in each.
struct CrossProductTests {
    struct Situation: Sendable, CustomStringConvertible {
        let name: String
        let record: LeaseRecord?
        let now: BootInstant
        let event: Generation

        var description: String { "\(name) at \(now.nanoseconds), \(event.transaction)" }
        var isHeldByEvent: Bool { record?.state == .held && record?.generation == event }
        var keptSuccess: SealedOutcome? {
            guard let record, record.state == .success, now < record.keptUntil else { return nil }
            return record.success
        }
    }

    static let situations: [Situation] = {
        let inherited = LastFailure(outcome: outcome(.transientFailure, generation(9)), keptUntil: at(104))
        var hasty = terminalRecord()
        hasty.keptUntil = at(102)
        var abandoned = heldRecord(notBefore: at(109), lastFailure: inherited)
        abandoned.state = .failedTransient
        let records: [(String, LeaseRecord?)] = [
            ("nothing", nil), ("held", heldRecord()), ("held, paused", heldRecord(notBefore: at(103))),
            ("held, after a failure", heldRecord(notBefore: at(109), lastFailure: inherited)),
            ("success", successRecord()), ("terminal", terminalRecord()), ("terminal, briefly", hasty),
            ("transient", transientRecord()), ("transient, paused", transientRecord(notBefore: at(108))),
            ("abandoned", abandoned),
        ]
        var situations: [Situation] = []
        for (name, record) in records {
            var instants: Set<BootInstant> = [at(101), at(1_000)]
            for edge in [
                record?.leaseEnds, record?.keptUntil, record?.notBefore, record?.lastFailure?.keptUntil,
                record?.removableAt,
            ] {
                guard let edge, edge != .zero else { continue }
                instants.formUnion([-1, 0, 1].map { edge.advanced(by: .nanoseconds($0)) })
            }
            for now in instants.sorted() {
                for event in [
                    generation(8), generation(9), generation(10), generation(12), generation(10, 2),
                ] {
                    situations.append(Situation(name: name, record: record, now: now, event: event))
                }
            }
        }
        return situations
    }()

    /// What is stored passes the codec and comes back as it was.
    private func expectStorable(_ record: LeaseRecord, _ situation: Situation) throws {
        let bytes = try RecordCodec.encode(record)
        #expect(
            try RecordCodec.decode(bytes, environment: record.generation.environment) == record,
            "\(situation)")
        // Nothing is stored that a sweep may delete in the same moment.
        #expect(!LeaseStateMachine.isRemovable(record, now: situation.now), "\(situation)")
    }

    @Test func `claim has one answer everywhere`() throws {
        for situation in Self.situations {
            for joined in [nil, situation.event] {
                for hungUp in [nil, situation.event] {
                    let decision = LeaseStateMachine.claim(
                        situation.record, Claim(joined: joined, hungUp: hungUp), now: situation.now)
                    try check(decision, situation, joined: joined, hungUp: hungUp)
                }
            }
        }
    }

    private func check(
        _ decision: ClaimDecision, _ situation: Situation, joined: Generation?, hungUp: Generation?
    ) throws {
        let (record, now) = (situation.record, situation.now)
        let survives = record?.lastFailure.map { now < $0.keptUntil } ?? false
        let isAnswered =
            survives
            && joined.map { record?.lastFailure?.outcome.generation.isSameOrLater(than: $0) == true } ?? false
        let isKeptTerminal = record?.state == .failedTerminal && now < record?.keptUntil ?? .zero
        switch decision {
        case .hit(let success):
            #expect(success == situation.keptSuccess, "\(situation)")
        case .failed(let failure, let notBefore):
            #expect(situation.keptSuccess == nil && (isAnswered || isKeptTerminal), "\(situation)")
            #expect(failure == record?.lastFailure?.outcome, "\(situation)")
            #expect(
                notBefore.map { now < $0 && $0 == record?.notBefore } ?? (record?.notBefore ?? now <= now))
        case .join(let generation, _, _, let leaseEnds, _):
            #expect(record?.state == .held && hungUp != generation && now < leaseEnds, "\(situation)")
            #expect(!isAnswered, "\(situation)")
        case .wait(let end):
            #expect(record?.state == .failedTransient && now < end && !isAnswered, "\(situation)")
        case .claimable(let grounds):
            #expect(situation.keptSuccess == nil && !isAnswered && !isKeptTerminal, "\(situation)")
            let isTakeover = record?.state == .held
            #expect((grounds.takeover != nil) == isTakeover, "\(situation)")
            #expect(grounds.attempt == (isTakeover ? 2 : 1), "\(situation)")
            #expect(grounds.lastFailure == (survives ? record?.lastFailure : nil), "\(situation)")
            if isTakeover {
                #expect(hungUp == record?.generation || now >= record?.leaseEnds ?? .zero, "\(situation)")
            }
            try expectStorable(
                LeaseStateMachine.held(
                    for: grounds, generation: generation(20), holder: holder(20), pipe: pipe(20), now: now,
                    lease: .seconds(12)), situation)
        }
    }

    @Test func `success has one answer everywhere`() throws {
        for situation in Self.situations {
            let success = outcome(.success, situation.event, filler: 9)
            let decision = LeaseStateMachine.publish(
                situation.record, success: success, publisher: holder(5), pipe: pipe(5),
                retention: .seconds(30),
                now: situation.now)
            switch decision {
            case .adopt(let stored):
                #expect(stored == situation.keptSuccess, "\(situation)")
            case .store(let record, let wake):
                #expect(situation.keptSuccess == nil, "\(situation)")
                #expect(record.success == success, "\(situation)")
                let replacesAnother = situation.record?.state == .held && !situation.isHeldByEvent
                #expect(wake == (replacesAnother ? situation.record?.pipe : nil), "\(situation)")
                try expectStorable(record, situation)
            }
        }
    }

    @Test(arguments: [OutcomeKind.terminalFailure, .transientFailure])
    func `failure has one answer everywhere`(kind: OutcomeKind) throws {
        for situation in Self.situations {
            for notBefore in [nil, situation.now.advanced(by: .seconds(2))] {
                let decision = LeaseStateMachine.fail(
                    situation.record, failure: outcome(kind, situation.event), retention: FailureRetention(),
                    notBefore: notBefore, now: situation.now)
                switch decision {
                case .adopt(let stored): #expect(stored == situation.keptSuccess, "\(situation)")
                case .ignore:
                    #expect(situation.keptSuccess == nil && !situation.isHeldByEvent, "\(situation)")
                case .store(let record):
                    #expect(situation.isHeldByEvent, "\(situation)")
                    try expectStorable(record, situation)
                }
            }
        }
    }

    @Test func `renew, may send and abandon have one answer everywhere`() throws {
        for situation in Self.situations {
            let (record, now, event) = (situation.record, situation.now, situation.event)
            switch LeaseStateMachine.renew(
                record, generation: event, leaseEnds: now.advanced(by: .seconds(12)), notBefore: nil, now: now
            )
            {
            case .adopt(let stored): #expect(stored == situation.keptSuccess, "\(situation)")
            case .lost: #expect(situation.keptSuccess == nil && !situation.isHeldByEvent, "\(situation)")
            case .store(let renewed):
                #expect(situation.isHeldByEvent, "\(situation)")
                try expectStorable(renewed, situation)
            }
            switch LeaseStateMachine.maySend(
                record, generation: event, requestTimeout: .seconds(10), now: now)
            {
            case .adopt(let stored): #expect(stored == situation.keptSuccess, "\(situation)")
            case .lost: #expect(situation.keptSuccess == nil && !situation.isHeldByEvent, "\(situation)")
            case .send: #expect(situation.isHeldByEvent && record?.notBefore ?? .zero <= now, "\(situation)")
            case .waitUntil(let end): #expect(situation.isHeldByEvent && now < end, "\(situation)")
            case .renewFirst(let end):
                #expect(situation.isHeldByEvent && record?.leaseEnds ?? .zero < end, "\(situation)")
            }
            switch LeaseStateMachine.abandon(record, generation: event, now: now) {
            case .ignore: #expect(!situation.isHeldByEvent, "\(situation)")
            case .delete: #expect(situation.isHeldByEvent, "\(situation)")
            case .store(let abandoned):
                #expect(situation.isHeldByEvent, "\(situation)")
                try expectStorable(abandoned, situation)
            }
        }
    }

    // What no situation above reaches, the checks above do not check.
    @Test func `every answer occurs`() {
        var answers: Set<String> = []
        for situation in Self.situations {
            for claim in [Claim(), Claim(joined: situation.event, hungUp: situation.event)] {
                let decision = LeaseStateMachine.claim(situation.record, claim, now: situation.now)
                answers.insert(String("\(decision)".prefix { $0 != "(" }))
            }
        }
        #expect(answers == ["hit", "failed", "join", "wait", "claimable"])
    }
}
