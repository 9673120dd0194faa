import LeaseTable
import ProcessSupport

/// Bytes that decode are the bytes that the record encodes to, and no record makes a decision trap.
enum RecordProperties {
    private static let environment = EnvironmentID(bytes: [UInt8](repeating: 0x5a, count: 16)) ?? EnvironmentID()

    static func check(_ input: [UInt8]) throws(Finding) {
        guard let record = try? RecordCodec.decode(input, environment: environment) else { return }
        guard let encoded = try? RecordCodec.encode(record) else {
            throw Finding(description: "a record that decodes does not encode")
        }
        try FuzzTargets.check(encoded == input, "decoding and encoding changes a record")
        try decide(on: record)
    }

    private static func decide(on record: LeaseRecord) throws(Finding) {
        let other = Generation(environment: environment, transaction: record.generation.transaction &+ 1)
        let instants: [BootInstant] = [
            .zero, record.claimedAt, record.leaseEnds, record.keptUntil, record.notBefore, record.removableAt,
            BootInstant(nanoseconds: .max),
        ]
        for now in instants {
            for claim in [
                Claim(), Claim(joined: record.generation),
                Claim(joined: record.generation, hungUp: record.generation),
                Claim(joined: other),
            ] {
                switch LeaseStateMachine.claim(record, claim, now: now) {
                case .hit(let sealed):
                    try FuzzTargets.check(sealed == record.success, "a hit that is not what is stored")
                case .claimable(let grounds):
                    let held = LeaseStateMachine.held(
                        for: grounds, generation: other, holder: record.holder, pipe: record.pipe, now: now,
                        lease: .seconds(12))
                    if other.transaction != 0, now != BootInstant(nanoseconds: .max), now > .zero {
                        try FuzzTargets.check((try? RecordCodec.encode(held)) != nil, "a claim that cannot be stored")
                    }
                default: break
                }
            }
            for generation in [record.generation, other] {
                _ = LeaseStateMachine.maySend(
                    record, generation: generation, requestTimeout: .seconds(10), now: now)
                _ = LeaseStateMachine.renew(
                    record, generation: generation, leaseEnds: now, notBefore: now, now: now)
                _ = LeaseStateMachine.abandon(record, generation: generation, now: now)
            }
            _ = LeaseStateMachine.isRemovable(record, now: now)
        }
    }
}
