import ProcessSupport
import SeededRandom
import Testing

@testable import LeaseTable

struct RecordCodecTests {
    private static let samples: [LeaseRecord] = {
        var abandoned = transientRecord(notBefore: at(120))
        abandoned.lastFailure = nil
        abandoned.publishedAt = .zero
        let inherited = LastFailure(outcome: outcome(.terminalFailure, generation(9)), keptUntil: at(104))
        return [
            heldRecord(), heldRecord(attempt: 3, notBefore: at(103), lastFailure: inherited), successRecord(),
            terminalRecord(), transientRecord(notBefore: at(120)), abandoned,
        ]
    }()

    private func decode(_ bytes: [UInt8]) throws(RecordDecodingError) -> LeaseRecord {
        try RecordCodec.decode(bytes, environment: environment())
    }

    private func refusal(of bytes: [UInt8]) -> RecordDecodingError? {
        do {
            _ = try decode(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test func `what was encoded decodes to the same`() throws {
        for record in Self.samples {
            let bytes = try RecordCodec.encode(record)
            #expect(try decode(bytes) == record)
            #expect(bytes.capacity < bytes.count + 64)
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>) func `random records round-trip`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let record = randomRecord(&random)
        #expect(try decode(RecordCodec.encode(record)) == record)
    }

    // The layout's table, byte for byte: other languages read these records.
    @Test func `the layout is the documented one`() throws {
        var record = transientRecord(notBefore: BootInstant(nanoseconds: 0x7071_7273_7475_7677))
        record.generation = generation(0x0102_0304_0506_0708)
        record.holder = Holder(pid: 0x1112_1314, startTime: 0x2122_2324_2526_2728, uid: 0x3132_3334)
        record.pipeNumber = 0x4142_4344_4546_4748
        record.claimedAt = BootInstant(nanoseconds: 0x01)
        record.leaseEnds = BootInstant(nanoseconds: 0x5152_5354_5556_5758)
        record.publishedAt = BootInstant(nanoseconds: 0x6162_6364_6566_6768)
        record.attempt = 0x0a0b_0c0d
        record.lastFailure = LastFailure(
            outcome: SealedOutcome(
                kind: .transientFailure, generation: record.generation, sealed: (100..<130).map { UInt8($0) }),
            keptUntil: BootInstant(nanoseconds: 0x99))
        let expected =
            "0100" + "04" + "03" + "0d0c0b0a" + "0807060504030201" + "2827262524232221" + "14131211"
            + "34333231"
            + "4847464544434241" + "0100000000000000" + "5857565554535251" + "6867666564636261"
            + "0000000000000000" + "7776757473727170" + "9900000000000000" + "0807060504030201" + "00000000"
            + "1e000000" + "0000000000000000" + hexadecimal(100..<130)
        #expect(try hexadecimal(RecordCodec.encode(record)) == expected)

        let success = try RecordCodec.encode(successRecord())
        #expect(Array(success[96..<104]) == [40, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(success[112...]) == [UInt8](repeating: 7, count: 40))
    }

    @Test func `every truncation is refused`() throws {
        for record in Self.samples {
            let bytes = try RecordCodec.encode(record)
            for length in bytes.indices {
                #expect(refusal(of: Array(bytes.prefix(length))) == .truncated(length: length))
            }
            #expect(refusal(of: bytes + [0]) == .trailingBytes(1))
        }
    }

    @Test func `every flipped bit is refused or seen`() throws {
        for record in Self.samples {
            let bytes = try RecordCodec.encode(record)
            for bit in 0..<(bytes.count * 8) {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                if let decoded = try? decode(flipped) {
                    #expect(decoded != record, "bit \(bit)")
                    // What is read can be written again, to the same bytes: no byte goes unread.
                    #expect(try RecordCodec.encode(decoded) == flipped, "bit \(bit)")
                }
            }
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func `random bytes do not crash`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var bytes = try RecordCodec.encode(randomRecord(&random))
        for _ in 0..<Int.random(in: 1...20, using: &random) {
            bytes[Int.random(in: 3..<RecordCodec.headerLength, using: &random)] = UInt8(
                truncatingIfNeeded: random.next())
        }
        if let decoded = try? decode(bytes) {
            #expect(try RecordCodec.encode(decoded) == bytes)
        }
    }

    @Test(arguments: [0, 2, 0x0101, 0xffff] as [UInt16]) func `another version is named`(version: UInt16)
        throws
    {
        var bytes = try RecordCodec.encode(heldRecord())
        bytes[0] = UInt8(truncatingIfNeeded: version)
        bytes[1] = UInt8(version >> 8)
        #expect(refusal(of: bytes) == .unsupportedVersion(version))
        // Its length may be anything.
        #expect(refusal(of: Array(bytes.prefix(2))) == .unsupportedVersion(version))
    }

    @Test func `unknown values are named`() throws {
        let bytes = try RecordCodec.encode(transientRecord())
        func with(_ value: UInt8, at offset: Int) -> [UInt8] {
            var changed = bytes
            changed[offset] = value
            return changed
        }
        #expect(refusal(of: with(0, at: 2)) == .unknownState(0))
        #expect(refusal(of: with(5, at: 2)) == .unknownState(5))
        #expect(refusal(of: with(4, at: 3)) == .unknownKind(4))
        for offset in 104..<112 { #expect(refusal(of: with(1, at: offset)) == .reservedNotZero) }
        // Lengths beyond what may be sealed, and short of a nonce and a tag.
        #expect(refusal(of: with(0x7f, at: 103)) == .inconsistent(.outcomeLength))
        #expect(refusal(of: with(27, at: 100)) == .inconsistent(.outcomeLength))
        #expect(refusal(of: with(27, at: 96)) == .inconsistent(.outcomeLength))
    }

    @Test func `records that contradict themselves are neither written nor read`() throws {
        typealias Change = (inout LeaseRecord) -> Void
        let success = outcome(.success, generation(10))
        let cases: [(LeaseRecord, RecordInconsistency, Change)] = [
            (heldRecord(), .holder, { $0.holder = Holder(pid: 0, startTime: 1, uid: 1) }),
            (heldRecord(), .attempt, { $0.attempt = 0 }),
            (heldRecord(), .generation, { $0.generation = generation(0) }),
            (heldRecord(), .success, { $0.success = success }),
            (heldRecord(), .lastFailure, { $0.lastFailure = transientRecord().lastFailure }),
            (heldRecord(), .instants, { $0.publishedAt = at(1) }),
            (heldRecord(), .instants, { $0.keptUntil = at(1) }),
            (heldRecord(), .instants, { $0.leaseEnds = at(99) }),
            (successRecord(), .success, { $0.success = nil }),
            (successRecord(), .lastFailure, { $0.lastFailure = terminalRecord().lastFailure }),
            (successRecord(), .instants, { $0.keptUntil = at(100) }),
            (successRecord(), .instants, { $0.notBefore = at(1) }),
            (terminalRecord(), .success, { $0.success = success }),
            (terminalRecord(), .lastFailure, { $0.lastFailure = nil }),
            (terminalRecord(), .lastFailure, { $0.lastFailure = transientRecord().lastFailure }),
            (terminalRecord(), .lastFailure, { $0.generation = generation(11) }),
            (terminalRecord(), .instants, { $0.keptUntil = at(100) }),
            (terminalRecord(), .instants, { $0.notBefore = at(1) }),
            (transientRecord(), .success, { $0.success = success }),
            (transientRecord(), .lastFailure, { $0.lastFailure = terminalRecord().lastFailure }),
            (transientRecord(), .lastFailure, { $0.generation = generation(9) }),
            (transientRecord(), .instants, { $0.keptUntil = at(120) }),
            (transientRecord(), .instants, { $0.lastFailure = nil }),
        ]
        for (index, (good, inconsistency, change)) in cases.enumerated() {
            var record = good
            change(&record)
            #expect(record.inconsistency == inconsistency, "case \(index)")
            #expect(throws: RecordEncodingError(inconsistency: inconsistency)) {
                try RecordCodec.encode(record)
            }
        }
    }

    @Test func `outcomes that belong elsewhere are not written`() throws {
        var record = successRecord()
        record.success = outcome(.success, generation(9))
        #expect(record.inconsistency == .success)
        record.success = outcome(.terminalFailure, generation(10))
        #expect(record.inconsistency == .success)
        record.success = outcome(.success, generation(10, 2))
        #expect(record.inconsistency == .environment)
        record.success = SealedOutcome(kind: .success, generation: generation(10), sealed: [1])
        #expect(record.inconsistency == .outcomeLength)
    }

    @Test func `contradictions are refused on reading too`() throws {
        // The state byte alone: what is held becomes what has a result, and so on.
        for record in Self.samples {
            let bytes = try RecordCodec.encode(record)
            for state in LeaseRecord.State.allCases where state != record.state {
                var changed = bytes
                changed[2] = state.rawValue
                if record.state == .failedTransient, record.lastFailure == nil, state == .held {
                    // Held with a not-before, just what was abandoned.
                    #expect(refusal(of: changed) == nil)
                } else if record.state == .held, record.lastFailure != nil, state == .failedTransient {
                    #expect(refusal(of: changed) == nil)
                } else {
                    #expect(refusal(of: changed) != nil, "\(record.state) as \(state)")
                }
            }
        }
    }

    private func randomRecord(_ random: inout SeededGenerator) -> LeaseRecord {
        func instant() -> BootInstant {
            BootInstant(nanoseconds: UInt64.random(in: 1_000...(.max), using: &random))
        }
        func sealed() -> [UInt8] {
            let length =
                Bool.random(using: &random) ? Int.random(in: 28...300, using: &random) : 28 + 68 * 1_024
            return (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        }
        let transaction = UInt64.random(in: 2...(.max), using: &random)
        let grounds = Grounds(
            attempt: .random(in: 1...(.max), using: &random),
            notBefore: Bool.random(using: &random) ? instant() : .zero,
            lastFailure: Bool.random(using: &random)
                ? LastFailure(
                    outcome: SealedOutcome(
                        kind: Bool.random(using: &random) ? .terminalFailure : .transientFailure,
                        generation: generation(.random(in: 1..<transaction, using: &random)), sealed: sealed()
                    ),
                    keptUntil: instant()) : nil,
            takeover: nil)
        let owner = Holder(
            pid: .random(in: 1...(.max), using: &random), startTime: random.next(),
            uid: UInt32(truncatingIfNeeded: random.next()))
        let now = instant()
        let name = WakePipeName(holder: owner, number: random.next())
        let held = LeaseStateMachine.held(
            for: grounds, generation: generation(transaction), holder: owner, pipe: name, now: now,
            lease: .seconds(12))
        func own(_ kind: OutcomeKind) -> SealedOutcome {
            SealedOutcome(kind: kind, generation: generation(transaction), sealed: sealed())
        }
        switch LeaseRecord.State.allCases.randomElement(using: &random) {
        case .success?:
            let decision = LeaseStateMachine.publish(
                held, success: own(.success), publisher: owner, pipe: name, retention: .seconds(30), now: now)
            if case .store(let record, _) = decision { return record }
        case .failedTerminal?:
            let decision = LeaseStateMachine.fail(
                held, failure: own(.terminalFailure), retention: FailureRetention(), notBefore: nil, now: now)
            if case .store(let record) = decision { return record }
        case .failedTransient?:
            let decision = LeaseStateMachine.fail(
                held, failure: own(.transientFailure), retention: FailureRetention(), notBefore: instant(),
                now: now)
            if case .store(let record) = decision { return record }
        case .held?, nil: break
        }
        return held
    }
}
