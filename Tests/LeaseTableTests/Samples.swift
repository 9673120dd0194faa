import ProcessSupport

@testable import LeaseTable

func environment(_ byte: UInt8 = 1) -> EnvironmentID {
    EnvironmentID(bytes: [UInt8](repeating: byte, count: 16)) ?? EnvironmentID()
}

func generation(_ transaction: UInt64, _ environmentByte: UInt8 = 1) -> Generation {
    Generation(environment: environment(environmentByte), transaction: transaction)
}

/// An instant in seconds, plus nanoseconds for the edges.
func at(_ seconds: UInt64, _ nanoseconds: Int64 = 0) -> BootInstant {
    BootInstant(nanoseconds: seconds * 1_000_000_000).advanced(by: .nanoseconds(nanoseconds))
}

func holder(_ pid: Int32) -> Holder { Holder(pid: pid, startTime: 1_000 + UInt64(pid), uid: 1_000) }

func pipe(_ pid: Int32) -> WakePipeName { WakePipeName(holder: holder(pid), number: 0xabc0 + UInt64(pid)) }

/// An outcome that need not open: the state machine never looks inside.
func outcome(_ kind: OutcomeKind, _ generation: Generation, filler: UInt8 = 7) -> SealedOutcome {
    SealedOutcome(kind: kind, generation: generation, sealed: [UInt8](repeating: filler, count: 40))
}

/// The lease that generation 10 (pid 10) took at 100 s for 12 s.
func heldRecord(
    _ transaction: UInt64 = 10, attempt: UInt32 = 1, notBefore: BootInstant = .zero,
    lastFailure: LastFailure? = nil
) -> LeaseRecord {
    LeaseStateMachine.held(
        for: Grounds(attempt: attempt, notBefore: notBefore, lastFailure: lastFailure, takeover: nil),
        generation: generation(transaction), holder: holder(Int32(transaction)),
        pipe: pipe(Int32(transaction)),
        now: at(100), lease: .seconds(12))
}

/// The result that generation 10 published at 101 s, kept until 131 s.
func successRecord() -> LeaseRecord {
    var record = heldRecord()
    record.state = .success
    record.publishedAt = at(101)
    record.keptUntil = at(131)
    record.success = outcome(.success, generation(10))
    return record
}

/// The terminal failure that generation 10 met at 101 s, kept until 106 s.
func terminalRecord() -> LeaseRecord {
    var record = heldRecord()
    record.state = .failedTerminal
    record.publishedAt = at(101)
    record.keptUntil = at(106)
    record.lastFailure = LastFailure(outcome: outcome(.terminalFailure, generation(10)), keptUntil: at(106))
    return record
}

/// The transient failure that generation 10 met at 101 s, surviving until 106 s.
func transientRecord(notBefore: BootInstant = .zero) -> LeaseRecord {
    var record = heldRecord()
    record.state = .failedTransient
    record.publishedAt = at(101)
    record.notBefore = notBefore
    record.lastFailure = LastFailure(outcome: outcome(.transientFailure, generation(10)), keptUntil: at(106))
    return record
}
