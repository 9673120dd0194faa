import ProcessSupport

/// The bytes of a ``LeaseRecord`` in the table: a fixed little-endian header, the sealed result, the sealed
/// failure.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 2 | format version, 1 |
/// | 2 | 1 | state: 1 held, 2 success, 3 failed (terminal), 4 failed (transient) or abandoned |
/// | 3 | 1 | kind of the last failure: 0 none, 2 terminal, 3 transient |
/// | 4 | 4 | attempt |
/// | 8 | 8 | generation: transaction |
/// | 16 | 8 | holder: start time |
/// | 24 | 4 | holder: pid |
/// | 28 | 4 | holder: uid |
/// | 32 | 8 | wake pipe: number |
/// | 40 | 8 | claimed at |
/// | 48 | 8 | lease ends |
/// | 56 | 8 | published at |
/// | 64 | 8 | kept until |
/// | 72 | 8 | not before |
/// | 80 | 8 | last failure: kept until, 0 without one |
/// | 88 | 8 | last failure: generation's transaction, 0 without one |
/// | 96 | 4 | length of the sealed result, 0 without one |
/// | 100 | 4 | length of the sealed failure, 0 without one |
/// | 104 | 8 | reserved, 0 |
/// | 112 | | sealed result, then sealed failure: nonce (12), ciphertext, tag (16) each |
///
/// Instants are nanoseconds on `CLOCK_BOOTTIME`, 0 where unset. A generation's environment is stored once per
/// environment, not here; a result's generation is the record's. Pure functions: thread- and fork-safe.
public enum RecordCodec {
    /// The version this code writes, and the only one it reads.
    public static let formatVersion: UInt16 = 1
    /// Length of the fixed part in bytes.
    public static let headerLength = 112

    /// The record's bytes, in one allocation of just their size.
    /// - Throws: ``RecordEncodingError`` for a record that ``decode(_:environment:)-([UInt8],_)`` would refuse: one
    ///   made from an outcome of the wrong kind or of another environment.
    public static func encode(_ record: LeaseRecord) throws(RecordEncodingError) -> [UInt8] {
        if let inconsistency = record.inconsistency {
            throw RecordEncodingError(inconsistency: inconsistency)
        }
        let success = record.success?.sealed ?? []
        let failure = record.lastFailure?.outcome.sealed ?? []
        let length = headerLength + success.count + failure.count
        var encoded = [UInt8](repeating: 0, count: length)
        unsafe encoded.withUnsafeMutableBytes { bytes in
            unsafe bytes.store(formatVersion, at: 0)
            unsafe bytes.store(record.state.rawValue, at: 2)
            unsafe bytes.store(record.lastFailure?.outcome.kind.rawValue ?? 0, at: 3)
            unsafe bytes.store(record.attempt, at: 4)
            unsafe bytes.store(record.generation.transaction, at: 8)
            unsafe bytes.store(record.holder.startTime, at: 16)
            unsafe bytes.store(record.holder.pid, at: 24)
            unsafe bytes.store(record.holder.uid, at: 28)
            unsafe bytes.store(record.pipeNumber, at: 32)
            unsafe bytes.store(record.claimedAt.nanoseconds, at: 40)
            unsafe bytes.store(record.leaseEnds.nanoseconds, at: 48)
            unsafe bytes.store(record.publishedAt.nanoseconds, at: 56)
            unsafe bytes.store(record.keptUntil.nanoseconds, at: 64)
            unsafe bytes.store(record.notBefore.nanoseconds, at: 72)
            unsafe bytes.store(record.lastFailure?.keptUntil.nanoseconds ?? 0, at: 80)
            unsafe bytes.store(record.lastFailure?.outcome.generation.transaction ?? 0, at: 88)
            unsafe bytes.store(UInt32(success.count), at: 96)
            unsafe bytes.store(UInt32(failure.count), at: 100)
            unsafe bytes.store(UInt64(0), at: 104)
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[headerLength...]).copyBytes(from: success)
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[(headerLength + success.count)...])
                .copyBytes(from: failure)
        }
        return encoded
    }

    /// Reads a record, checking every byte of its form. What is sealed is copied, not opened; no pointer is
    /// kept.
    ///
    /// `environment` is the one the bytes were read from.
    /// - Throws: ``RecordDecodingError``.
    @unsafe public static func decode(
        _ bytes: UnsafeRawBufferPointer, environment: EnvironmentID
    ) throws(RecordDecodingError) -> LeaseRecord {
        guard bytes.count >= 2 else { throw .truncated(length: bytes.count) }
        let version = unsafe bytes.load(UInt16.self, at: 0)
        guard version == formatVersion else { throw .unsupportedVersion(version) }
        guard bytes.count >= headerLength else { throw .truncated(length: bytes.count) }

        let stateByte = unsafe bytes.load(UInt8.self, at: 2)
        guard let state = LeaseRecord.State(rawValue: stateByte) else { throw .unknownState(stateByte) }
        guard unsafe bytes.load(UInt64.self, at: 104) == 0 else { throw .reservedNotZero }
        let successLength = Int(unsafe bytes.load(UInt32.self, at: 96))
        let failureLength = Int(unsafe bytes.load(UInt32.self, at: 100))
        guard successLength == 0 || SealedOutcome.lengths.contains(successLength),
            failureLength == 0 || SealedOutcome.lengths.contains(failureLength)
        else { throw .inconsistent(.outcomeLength) }
        let expected = headerLength + successLength + failureLength
        guard bytes.count >= expected else { throw .truncated(length: bytes.count) }
        guard bytes.count == expected else { throw .trailingBytes(bytes.count - expected) }

        let generation = Generation(
            environment: environment, transaction: unsafe bytes.load(UInt64.self, at: 8))
        var success: SealedOutcome?
        if successLength > 0 {
            success = SealedOutcome(
                kind: .success, generation: generation,
                sealed: unsafe [UInt8](bytes[headerLength..<(headerLength + successLength)]))
        }
        let record = LeaseRecord(
            state: state, generation: generation,
            holder: Holder(
                pid: unsafe bytes.load(Int32.self, at: 24), startTime: unsafe bytes.load(UInt64.self, at: 16),
                uid: unsafe bytes.load(UInt32.self, at: 28)),
            pipeNumber: unsafe bytes.load(UInt64.self, at: 32),
            claimedAt: unsafe bytes.instant(at: 40), leaseEnds: unsafe bytes.instant(at: 48),
            publishedAt: unsafe bytes.instant(at: 56), keptUntil: unsafe bytes.instant(at: 64),
            notBefore: unsafe bytes.instant(at: 72),
            attempt: unsafe bytes.load(UInt32.self, at: 4), success: success,
            lastFailure: try unsafe lastFailure(bytes, length: failureLength, environment: environment))
        if let inconsistency = record.inconsistency { throw .inconsistent(inconsistency) }
        return record
    }

    /// The same for bytes in an array.
    /// - Throws: ``RecordDecodingError``.
    public static func decode(
        _ bytes: [UInt8], environment: EnvironmentID
    ) throws(RecordDecodingError) -> LeaseRecord {
        let result = unsafe bytes.withUnsafeBytes { buffer in
            Result { () throws(RecordDecodingError) in try unsafe decode(buffer, environment: environment) }
        }
        return try result.get()
    }

    private static func lastFailure(
        _ bytes: UnsafeRawBufferPointer, length: Int, environment: EnvironmentID
    ) throws(RecordDecodingError) -> LastFailure? {
        let kindByte = unsafe bytes.load(UInt8.self, at: 3)
        let keptUntil = unsafe bytes.instant(at: 80)
        let transaction = unsafe bytes.load(UInt64.self, at: 88)
        if length == 0 {
            guard kindByte == 0, keptUntil == .zero, transaction == 0 else {
                throw .inconsistent(.lastFailure)
            }
            return nil
        }
        guard let kind = OutcomeKind(rawValue: kindByte) else { throw .unknownKind(kindByte) }
        return LastFailure(
            outcome: SealedOutcome(
                kind: kind, generation: Generation(environment: environment, transaction: transaction),
                sealed: unsafe [UInt8](bytes[(bytes.count - length)...])),
            keptUntil: keptUntil)
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func store(_ value: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        unsafe storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        Value(littleEndian: unsafe loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    fileprivate func instant(at offset: Int) -> BootInstant {
        BootInstant(nanoseconds: unsafe load(UInt64.self, at: offset))
    }
}
