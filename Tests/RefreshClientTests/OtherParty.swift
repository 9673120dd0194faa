import LeaseTable
import ProcessSupport
import Testing

// The test as another process: what such a one does to the table, move by move.
extension LeaseTable {
    /// Claims the key with a pipe of its own; `nil` where it is not to be had.
    func take(_ key: KeyMaterial, as claim: Claim = Claim()) throws -> Tenure? {
        let result = try self.claim(key, as: claim, pipe: preparePipe(), deadline: soon())
        if case .granted(let tenure) = result { return tenure }
        return nil
    }

    /// Takes the lease from whoever has it, as if its pipe had hung up.
    func passHolder(of key: KeyMaterial) throws -> Tenure {
        let generation = try #require(try record(of: key)).generation
        return try #require(try take(key, as: Claim(joined: generation, hungUp: generation)))
    }

    /// Holds the key, is told by the upstream to pause, and dies.
    func leaveWithPause(_ key: KeyMaterial, until pauseEnds: BootInstant) throws -> Generation {
        let tenure = try #require(try take(key))
        let renewed = try renew(
            tenure, until: tenure.claimedAt.advanced(by: .milliseconds(1)), notBefore: pauseEnds, deadline: soon())
        guard case .store = renewed else { throw CancellationError() }
        return tenure.generation
    }

    func record(of key: KeyMaterial) throws -> LeaseRecord? {
        for lease in try leases(deadline: soon()) where lease.key == key.recordKey { return try lease.record.get() }
        return nil
    }

    /// The generation that holds the key, once one does.
    func awaitHolder(of key: KeyMaterial, after other: Generation? = nil) throws -> LeaseRecord? {
        var found: LeaseRecord?
        _ = try eventually {
            found = try record(of: key)
            return found?.state == .held && found?.generation != other
        }
        return found
    }
}
