import ProcessSupport

@testable import LeaseTable
@testable import LeaseReports
@testable import lease_dump

/// The moment that every unit test looks at: 1,000 s after boot.
let now = BootInstant(nanoseconds: 1_000_000_000_000)

let environment = EnvironmentID(bytes: [UInt8](repeating: 0xab, count: 16)) ?? EnvironmentID()

/// What must never be shown.
let sealed = Array("SEALED-OUTCOME-SEALED-OUTCOME-SEALED-OUTCOME".utf8)

func recordKey(_ byte: UInt8) throws -> RecordKey {
    guard let key = RecordKey(bytes: [UInt8](repeating: byte, count: 32)) else { throw NotARecordKey() }
    return key
}

struct NotARecordKey: Error {}

func before(_ duration: Duration) -> BootInstant { now.advanced(by: .zero - duration) }

/// A lease that process `pid` claimed `age` ago for 12 s.
func held(_ pid: Int32 = 100, age: Duration, attempt: UInt32 = 1, notBefore: BootInstant = .zero) -> LeaseRecord {
    let holder = Holder(pid: pid, startTime: 7, uid: 1000)
    return LeaseStateMachine.held(
        for: Grounds(attempt: attempt, notBefore: notBefore, lastFailure: nil, takeover: nil),
        generation: Generation(environment: environment, transaction: 42), holder: holder,
        pipe: WakePipeName(holder: holder, number: 0xff), now: before(age), lease: .seconds(12))
}

/// The same lease, ended `age` ago; `kind` says how.
func ended(_ kind: OutcomeKind, _ pid: Int32 = 100, age: Duration) -> LeaseRecord {
    let record = held(pid, age: age + .seconds(1))
    let outcome = SealedOutcome(kind: kind, generation: record.generation, sealed: sealed)
    if kind == .success {
        if case .store(let record, _) = LeaseStateMachine.publish(
            record, success: outcome, publisher: record.holder, pipe: record.pipe, retention: .seconds(30),
            now: before(age))
        {
            return record
        }
    } else if case .store(let record) = LeaseStateMachine.fail(
        record, failure: outcome, retention: FailureRetention(), notBefore: nil, now: before(age))
    {
        return record
    }
    return record
}

/// A row; processes of even pids live.
func row(_ key: UInt8, _ record: LeaseRecord, size: Int = 112, waiters: Int? = nil) throws -> LeaseRow {
    LeaseRow(key: try recordKey(key), record: .success(record), size: size, now: now, waiters: waiters) {
        $0.pid % 2 == 0
    }
}

func damagedRow(_ key: UInt8) throws -> LeaseRow {
    LeaseRow(key: try recordKey(key), record: .failure(.truncated(length: 3)), size: 3, now: now) { _ in true }
}
