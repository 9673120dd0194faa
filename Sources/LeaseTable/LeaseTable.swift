import Glibc
public import LMDB
public import ProcessSupport

/// The shell around ``LeaseStateMachine``: runs each decision inside one transaction, stores what it says, and wakes
/// who is to be woken after the commit.
///
/// Bound to the environment that it found when it was opened. It belongs to the process that opened it: a forked child
/// opens its own and leaves this one alone. Thread-safe. No call returns later than its deadline.
public final class LeaseTable: Sendable {
    /// Where it is.
    public let directory: TableDirectory
    /// The name of this environment.
    public let environmentID: EnvironmentID
    package let environment: Environment
    let pipes: PipeDirectory
    private let holder: Holder
    /// The durations and choices it works with; see ``with(_:)``.
    public let configuration: RefreshConfiguration
    private let reserve: Int

    /// Opens the table, making it where it is missing.
    ///
    /// - Throws: ``LeaseTableError`` that says what is wrong with the directory and what mends it.
    public init(
        _ configuration: RefreshConfiguration, in directory: TableDirectory,
        role: EnvironmentOptions.Role = .participant, deadline: MonotonicInstant
    ) throws(LeaseTableError) {
        self.configuration = configuration
        self.directory = directory
        let options = EnvironmentOptions(
            path: directory.path, role: role, mapSize: configuration.mapSize, readerSlots: configuration.readerSlots,
            readersPerProcess: configuration.readersPerProcess)
        do throws(EnvironmentError) {
            environment = try Environment.open(options, deadline: deadline)
        } catch {
            throw .environment(error)
        }
        do throws(SystemCallError) {
            pipes = try PipeDirectory(
                in: environment.directoryDescriptor, parentPath: directory.path, fileMode: environment.fileMode,
                create: role == .participant)
        } catch {
            throw .pipe(error)
        }
        environmentID = EnvironmentID(environment.id)
        holder = .current
        reserve = Self.reserve(configuration, environment)
    }

    private init(sharing other: LeaseTable, _ configuration: RefreshConfiguration) {
        self.configuration = configuration
        directory = other.directory
        environment = other.environment
        pipes = other.pipes
        environmentID = other.environmentID
        holder = other.holder
        // Asking the file system takes longer than all else here.
        reserve =
            configuration.publishReserve == other.configuration.publishReserve
            ? other.reserve : Self.reserve(configuration, other.environment)
    }

    /// The same open table with the durations and choices of `configuration`: what one process shares between clients
    /// that are configured differently. Opens nothing.
    public func with(_ configuration: RefreshConfiguration) -> LeaseTable {
        LeaseTable(sharing: self, configuration)
    }

    private static func reserve(_ configuration: RefreshConfiguration, _ environment: Environment) -> Int {
        let space = environment.space()
        let room = space.fileSystemFree < 0 ? environment.mapSize : space.fileSystemFree + space.usedToPage
        return min(configuration.publishReserve, min(environment.mapSize, room) / 8)
    }

    /// Whether the directory still leads to this table and its pipes; when it has been removed, open anew before
    /// claiming. Two system calls.
    public var isCurrent: Bool { environment.isCurrent && pipes.isLinked }

    /// How full the table is.
    public var space: EnvironmentSpace { environment.space() }

    // MARK: Claiming

    /// What a caller that looks at `key` is to do. Reads only; takes no lock that another process could hold.
    ///
    /// A record that does not decode counts as none.
    public func look(
        at key: KeyMaterial, as claim: Claim, deadline: MonotonicInstant
    ) throws(LeaseTableError) -> ClaimDecision {
        try translating { () throws(EnvironmentError) in
            try environment.read(until: deadline) { transaction throws(EnvironmentError) in
                let record = try stored(at: key.recordKey, in: transaction)
                return LeaseStateMachine.claim(record, claim, now: .now())
            }
        }
    }

    /// Makes the pipe that a claim will name. Never inside a transaction: every other writer would wait for it.
    public func preparePipe() throws(LeaseTableError) -> PreparedPipe {
        // Where pipes are not wanted, the number 0 says that there is none.
        guard configuration.waitStrategy.makesPipes else {
            return PreparedPipe(pipe: nil, name: WakePipeName(holder: holder, number: 0), holder: holder)
        }
        do throws(SystemCallError) {
            let pipe = try WakePipe(in: pipes, holder: holder)
            return PreparedPipe(pipe: pipe, name: pipe.name, holder: holder)
        } catch {
            throw .pipe(error)
        }
    }

    /// Takes the lease if nobody may object; decided inside the write transaction. Losing the race is no error.
    ///
    /// - Throws: ``LeaseTableError``, `.noRoom` where granting could leave no room to publish.
    public func claim(
        _ key: KeyMaterial, as claim: Claim, pipe prepared: PreparedPipe, deadline: MonotonicInstant
    ) throws(LeaseTableError) -> ClaimResult {
        try makeSureOfReserve(until: deadline)
        var passed: WakePipeName?
        let result = try write(until: deadline) {
            transaction, now throws(EnvironmentError) -> Environment.Ending<ClaimResult> in
            let record = try stored(at: key.recordKey, in: transaction)
            let decision = LeaseStateMachine.claim(record, claim, now: now)
            guard case .claimable(let grounds) = decision else { return .abort(.decided(decision)) }
            passed = record?.state == .held ? record?.pipe : nil
            let generation = Generation(environment: environmentID, transaction: transaction.id)
            let held = LeaseStateMachine.held(
                for: grounds, generation: generation, holder: prepared.holder, pipe: prepared.name, now: now,
                lease: configuration.lease)
            try store(held, replacing: record, at: key.recordKey, in: transaction)
            return .commit(
                .granted(
                    Tenure(key: key, generation: generation, claimedAt: now, grounds: grounds, pipe: prepared)))
        }
        if case .granted = result {
            prepared.pipe?.noteNamed()
            // What a dead holder left, and nobody else would remove.
            if let passed { pipes.remove(passed) }
        }
        return result
    }

    /// Whether this caller is the first of those who saw the holder of a lease die, and is to claim at once. The others
    /// let it: they would all make a pipe and queue for the write lock, to find the lease taken.
    ///
    /// The first is who removes the dead holder's pipe. Nobody is to rely on it, for it may die as well.
    public func goesFirst(after pipe: WakePipeName) -> Bool {
        pipe.number == 0 || pipes.remove(pipe)
    }

    /// The waiting end of the pipe of a lease that was joined; `nil` where there is none.
    public func waitingEnd(of pipe: WakePipeName) -> WaitingEnd? {
        pipe.number == 0 ? nil : WaitingEnd(descriptor: pipes.descriptor, name: pipe.fileName)
    }

    // MARK: Holding

    /// Whether the holder may send now; to be asked just before. Reads only.
    public func maySend(_ tenure: Tenure, deadline: MonotonicInstant) throws(LeaseTableError) -> SendDecision {
        try translating { () throws(EnvironmentError) in
            try environment.read(until: deadline) { transaction throws(EnvironmentError) in
                let record = try stored(at: tenure.key.recordKey, in: transaction)
                return LeaseStateMachine.maySend(
                    record, generation: tenure.generation, requestTimeout: configuration.requestTimeout, now: .now())
            }
        }
    }

    /// Moves the lease's end, and the instant before which nobody is to call the upstream. "Lost" is an answer, no
    /// error.
    public func renew(
        _ tenure: Tenure, until leaseEnds: BootInstant, notBefore: BootInstant?, deadline: MonotonicInstant
    ) throws(LeaseTableError) -> RenewDecision {
        try write(until: deadline) { transaction, now throws(EnvironmentError) in
            let record = try stored(at: tenure.key.recordKey, in: transaction)
            let decision = LeaseStateMachine.renew(
                record, generation: tenure.generation, leaseEnds: leaseEnds, notBefore: notBefore, now: now)
            guard case .store(let renewed) = decision else { return .abort(decision) }
            try store(renewed, replacing: record, at: tenure.key.recordKey, in: transaction)
            return .commit(decision)
        }
    }

    // MARK: Ending

    /// Stores a result and wakes everyone who waits for it. It counts even where the lease was lost meanwhile, as long
    /// as no other result is stored.
    public func publish(
        _ tenure: Tenure, result plaintext: [UInt8], deadline: MonotonicInstant
    ) throws(LeaseTableError) -> EndResult {
        let sealed = try seal(plaintext, .success, tenure)
        var woken: WakePipeName?
        let result = try write(until: deadline) {
            transaction, now throws(EnvironmentError) -> Environment.Ending<EndResult> in
            let record = try stored(at: tenure.key.recordKey, in: transaction)
            let decision = LeaseStateMachine.publish(
                record, success: sealed, publisher: tenure.holder, pipe: tenure.pipeName,
                retention: configuration.resultRetention, now: now)
            switch decision {
            case .adopt(let stored): return .abort(.adopted(stored))
            case .store(let published, let wake):
                woken = wake
                try store(published, replacing: record, at: tenure.key.recordKey, in: transaction)
                return .commit(.stored)
            }
        }
        tenure.pipe?.wake()
        if let woken { WakePipe.wake(woken, in: pipes) }
        return result
    }

    /// Records a failure, if the lease is still this tenure's, and wakes everyone who waits.
    ///
    /// - Parameter notBefore: Before when the upstream asked not to be called again.
    public func fail(
        _ tenure: Tenure, kind: OutcomeKind, failure plaintext: [UInt8], notBefore: BootInstant?,
        deadline: MonotonicInstant
    ) throws(LeaseTableError) -> EndResult {
        let sealed = try seal(plaintext, kind, tenure)
        let retention = FailureRetention(
            terminal: configuration.terminalFailureRetention, survival: configuration.failureSurvival)
        let result = try write(until: deadline) {
            transaction, now throws(EnvironmentError) -> Environment.Ending<EndResult> in
            let record = try stored(at: tenure.key.recordKey, in: transaction)
            switch LeaseStateMachine.fail(
                record, failure: sealed, retention: retention, notBefore: notBefore, now: now)
            {
            case .ignore: return .abort(.ignored)
            case .adopt(let stored): return .abort(.adopted(stored))
            case .store(let failed):
                try store(failed, replacing: record, at: tenure.key.recordKey, in: transaction)
                return .commit(.stored)
            }
        }
        tenure.pipe?.wake()
        return result
    }

    /// Gives the lease up without an outcome and wakes everyone who waits: one of them claims.
    public func abandon(_ tenure: Tenure, deadline: MonotonicInstant) throws(LeaseTableError) {
        try write(until: deadline) { transaction, now throws(EnvironmentError) -> Environment.Ending<Void> in
            let record = try stored(at: tenure.key.recordKey, in: transaction)
            switch LeaseStateMachine.abandon(record, generation: tenure.generation, now: now) {
            case .ignore: return .abort(())
            case .delete: try delete(record, at: tenure.key.recordKey, in: transaction)
            case .store(let left): try store(left, replacing: record, at: tenure.key.recordKey, in: transaction)
            }
            return .commit(())
        }
        tenure.pipe?.wake()
    }

    /// Removes an outcome that does not open, so that the key can be claimed anew. That it was replaced meanwhile is no
    /// error.
    public func discard(
        _ outcome: SealedOutcome, of key: KeyMaterial, deadline: MonotonicInstant
    ) throws(LeaseTableError) {
        try write(until: deadline) { transaction, _ throws(EnvironmentError) -> Environment.Ending<Void> in
            let record = try stored(at: key.recordKey, in: transaction)
            guard record?.success == outcome || record?.lastFailure?.outcome == outcome else { return .abort(()) }
            if var held = record, held.state == .held {
                // A live lease that has inherited a failure: only that goes.
                held.lastFailure = nil
                try store(held, replacing: record, at: key.recordKey, in: transaction)
            } else {
                try delete(record, at: key.recordKey, in: transaction)
            }
            return .commit(())
        }
    }

    /// Frees the slots of readers that were killed.
    ///
    /// - Returns: How many.
    @discardableResult
    public func checkReaders(deadline: MonotonicInstant) throws(LeaseTableError) -> Int {
        try translating { () throws(EnvironmentError) in try environment.checkReaders(until: deadline) }
    }

    // MARK: Inside

    private func seal(
        _ plaintext: [UInt8], _ kind: OutcomeKind, _ tenure: Tenure
    ) throws(LeaseTableError) -> SealedOutcome {
        do throws(SealingError) {
            return try SealedOutcome.seal(
                plaintext: plaintext, kind: kind, generation: tenure.generation, key: tenure.key)
        } catch {
            throw .tooLarge(error)
        }
    }

    /// Refuses where a grant could leave no room to publish, after everything was freed that can be. The exact count is
    /// taken only where the file has nearly reached its end.
    private func makeSureOfReserve(until deadline: MonotonicInstant) throws(LeaseTableError) {
        if try shortage(until: deadline) == nil { return }
        try makeRoom(until: deadline)
        if let free = try shortage(until: deadline) {
            throw .environment(.noRoom(path: directory.path, free: free, reserve: reserve))
        }
    }

    /// How many bytes are free, where they are fewer than the reserve.
    private func shortage(until deadline: MonotonicInstant) throws(LeaseTableError) -> Int? {
        let space = environment.space()
        let unused = space.mapSize - space.usedToPage
        let obtainable = space.fileSystemFree < 0 ? unused : min(unused, space.fileSystemFree)
        if obtainable >= reserve { return nil }
        let free = try translating { () throws(EnvironmentError) in
            obtainable + (try environment.reusableBytes(until: deadline))
        }
        return free < reserve ? free : nil
    }
}

extension Holder {
    /// This process.
    public static var current: Holder {
        let identity = ProcessIdentity.current()
        return Holder(pid: identity.pid, startTime: identity.startTime, uid: geteuid())
    }

    /// Whether the process still exists. Never true of another one that has got its pid.
    public var isAlive: Bool { ProcessIdentity(pid: pid, startTime: startTime).isAlive }
}

extension EnvironmentID {
    init(_ words: (UInt64, UInt64)) {
        var bytes: [UInt8] = []
        for word in [words.0, words.1] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        // Sixteen bytes always make a name.
        self = EnvironmentID(bytes: bytes) ?? EnvironmentID()
    }
}
