import ProcessSupport
import SeededRandom
import Testing

@testable import LeaseTable

/// A table of one key with several virtual callers, and beside it what is known from the events alone, against which
/// each answer is checked.
struct LeaseHistory {
    /// A tenure, as its owner sees it.
    struct Tenure {
        let generation: Generation
        var leaseEnds: BootInstant
        var sentAt: BootInstant?
        var isDead = false
        // Ended by its owner, by a result, or by a claim of who saw it die.
        var isOver = false
    }

    var random: SeededGenerator
    var now = at(1_000)
    var record: LeaseRecord?
    var transaction: UInt64 = 1
    var tenures: [Tenure] = []
    /// The result that must be the answer until the instant.
    var result: (outcome: SealedOutcome, keptUntil: BootInstant)?
    /// The failure that must be the answer, until the instant, for those who had joined its generation.
    var failure: (outcome: SealedOutcome, keptUntil: BootInstant)?
    /// How often each thing happened, so that a run which tests nothing is noticed.
    var counts: [String: Int] = [:]

    let lease = Duration.seconds(12)
    let requestTimeout = Duration.seconds(10)
    let retention = FailureRetention(terminal: .seconds(5), survival: .seconds(5))

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    var keptResult: SealedOutcome? { result.flatMap { now < $0.keptUntil ? $0.outcome : nil } }

    mutating func step() throws {
        advance()
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: try claim()
        case 4: try publish()
        case 5: try fail()
        case 6: try renew()
        case 7: send()
        case 8: try abandonOrDie()
        default: sweep()
        }
    }

    // Mostly small steps; sometimes just onto an edge, or a nanosecond before it.
    private mutating func advance() {
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            let edges = [
                record?.leaseEnds, record?.keptUntil, record?.notBefore, record?.lastFailure?.keptUntil,
            ]
            .compactMap { $0 }.filter { now < $0 }
            guard let edge = edges.randomElement(using: &random) else { return }
            now = max(now, edge.advanced(by: .nanoseconds(Int64.random(in: -1...0, using: &random))))
        case 1: break
        default: now = now.advanced(by: .milliseconds(Int64.random(in: 0...1_500, using: &random)))
        }
    }

    private mutating func claim() throws {
        let known = tenures.suffix(4).randomElement(using: &random)
        let joined = Bool.random(using: &random) ? known?.generation : nil
        let hungUp = known.flatMap { $0.isDead || $0.isOver ? $0.generation : nil }
        let decision = LeaseStateMachine.claim(record, Claim(joined: joined, hungUp: hungUp), now: now)
        counts[String("\(decision)".prefix { $0 != "(" }), default: 0] += 1

        if let keptResult {
            #expect(decision == .hit(keptResult), "a kept result answers everyone, the same")
            return
        }
        if let failure, let joined, now < failure.keptUntil,
            failure.outcome.generation.isSameOrLater(than: joined)
        {
            guard case .failed(failure.outcome, _) = decision else {
                Issue.record("who waited must hear of the failure: \(decision)")
                return
            }
            return
        }
        switch decision {
        case .hit: Issue.record("there is no result")
        case .failed(let outcome, _): #expect(outcome == failure?.outcome)
        case .join(let generation, _, _, _, _):
            #expect(generation == tenures.last?.generation, "only the latest tenure is joined")
        case .wait: break
        case .claimable(let grounds): try grant(grounds, hungUp: hungUp)
        }
    }

    private mutating func grant(_ grounds: Grounds, hungUp: Generation?) throws {
        // Whom this caller saw die is out of the running for good, with whatever of the lease was left.
        for index in tenures.indices where tenures[index].generation == hungUp {
            tenures[index].isOver = true
        }
        for tenure in tenures where !tenure.isOver {
            #expect(tenure.leaseEnds <= now, "two live holders")
            if let sentAt = tenure.sentAt {
                #expect(sentAt.advanced(by: requestTimeout) <= now, "a call may still be answered")
            }
        }
        transaction += 1
        let process = Int32(transaction)
        let held = LeaseStateMachine.held(
            for: grounds, generation: generation(transaction), holder: holder(process), pipe: pipe(process),
            now: now, lease: lease)
        tenures.append(Tenure(generation: held.generation, leaseEnds: held.leaseEnds))
        try store(held)
    }

    private mutating func publish() throws {
        guard let index = tenures.indices.suffix(4).randomElement(using: &random), !tenures[index].isDead
        else {
            return
        }
        let generation = tenures[index].generation
        let success = outcome(.success, generation, filler: UInt8(truncatingIfNeeded: random.next()))
        tenures[index].isOver = true
        switch LeaseStateMachine.publish(
            record, success: success, publisher: holder(Int32(generation.transaction)),
            pipe: pipe(Int32(generation.transaction)), retention: .seconds(3), now: now)
        {
        case .adopt(let stored): #expect(stored == keptResult, "adopted what was not kept")
        case .store(let stored, let wake):
            #expect(keptResult == nil, "a kept result was replaced")
            let isReplaced = record?.state == .held && record?.generation != generation
            #expect(wake == (isReplaced ? record?.pipe : nil))
            if isReplaced { counts["replaced", default: 0] += 1 }
            for other in tenures.indices { tenures[other].isOver = true }
            result = (success, now.advanced(by: .seconds(3)))
            failure = nil
            try store(stored)
        }
    }

    private mutating func fail() throws {
        guard let index = tenures.indices.suffix(4).randomElement(using: &random), !tenures[index].isDead
        else {
            return
        }
        let generation = tenures[index].generation
        let kind = Bool.random(using: &random) ? OutcomeKind.terminalFailure : .transientFailure
        let sealed = outcome(kind, generation, filler: UInt8(truncatingIfNeeded: random.next()))
        let notBefore = Bool.random(using: &random) ? now.advanced(by: .seconds(2)) : nil
        let isCurrent = index == tenures.indices.last && !tenures[index].isOver
        tenures[index].isOver = true
        switch LeaseStateMachine.fail(
            record, failure: sealed, retention: retention, notBefore: notBefore, now: now)
        {
        case .adopt(let stored): #expect(stored == keptResult)
        case .ignore: counts["ignored", default: 0] += 1
        case .store(let stored):
            #expect(keptResult == nil, "a failure replaced a kept result")
            #expect(isCurrent, "a failure from a generation that is not the current one")
            counts["stored failure", default: 0] += 1
            failure = (sealed, now.advanced(by: .seconds(5)))
            try store(stored)
        }
    }

    private mutating func renew() throws {
        guard let index = tenures.indices.suffix(3).randomElement(using: &random), !tenures[index].isDead
        else {
            return
        }
        let notBefore = Bool.random(using: &random) ? now.advanced(by: .seconds(1)) : nil
        let end = max(now, notBefore ?? now).advanced(by: lease)
        switch LeaseStateMachine.renew(
            record, generation: tenures[index].generation, leaseEnds: end, notBefore: notBefore, now: now)
        {
        case .adopt(let stored): #expect(stored == keptResult)
        case .lost:
            #expect(
                index != tenures.indices.last || tenures[index].isOver || record == nil, "its lease was lost")
        case .store(let renewed):
            #expect(index == tenures.indices.last && keptResult == nil && !tenures[index].isOver)
            #expect(renewed.leaseEnds >= tenures[index].leaseEnds, "the end moved back")
            tenures[index].leaseEnds = renewed.leaseEnds
            try store(renewed)
        }
    }

    private mutating func send() {
        guard let index = tenures.indices.suffix(3).randomElement(using: &random), !tenures[index].isDead
        else {
            return
        }
        let decision = LeaseStateMachine.maySend(
            record, generation: tenures[index].generation, requestTimeout: requestTimeout, now: now)
        guard decision == .send else { return }
        counts["sent", default: 0] += 1
        #expect(index == tenures.indices.last && keptResult == nil && !tenures[index].isOver)
        #expect(now.advanced(by: requestTimeout) <= tenures[index].leaseEnds)
        tenures[index].sentAt = now
    }

    private mutating func abandonOrDie() throws {
        guard let index = tenures.indices.suffix(2).randomElement(using: &random) else { return }
        guard Bool.random(using: &random) else {
            tenures[index].isDead = true
            return
        }
        let isCurrent = index == tenures.indices.last && !tenures[index].isOver && !tenures[index].isDead
        guard isCurrent || tenures[index].isOver else { return }
        switch LeaseStateMachine.abandon(record, generation: tenures[index].generation, now: now) {
        case .ignore: break
        case .delete:
            #expect(isCurrent, "what another tenure holds was deleted")
            record = nil
        case .store(let abandoned):
            #expect(isCurrent)
            try store(abandoned)
        }
        tenures[index].isOver = true
    }

    private mutating func sweep() {
        guard let current = record, LeaseStateMachine.isRemovable(current, now: now) else { return }
        counts["swept", default: 0] += 1
        record = nil
    }

    private mutating func store(_ stored: LeaseRecord) throws {
        record = try RecordCodec.decode(RecordCodec.encode(stored), environment: environment())
        #expect(record == stored)
    }
}
