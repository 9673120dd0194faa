import ProcessSupport

/// Why a record is one that no transition of a lease makes.
public enum RecordInconsistency: String, Hashable, Sendable {
    /// The holder's pid is not positive.
    case holder = "the holder's pid is not positive"
    /// The attempt is zero.
    case attempt = "the attempt is zero"
    /// The generation's transaction is zero.
    case generation = "the generation's transaction is zero"
    /// An outcome was sealed in another environment than the record's.
    case environment = "an outcome was sealed in another environment"
    /// The result and the state do not go together, or the result is another generation's.
    case success = "the result does not fit the state"
    /// The last failure and the state do not go together, or it is of a generation that cannot be.
    case lastFailure = "the last failure does not fit the state"
    /// An instant is set that the state has no use for, is missing, or lies before one it must follow.
    case instants = "the instants do not fit the state"
    /// An outcome is shorter than a nonce and a tag, or longer than what may be sealed.
    case outcomeLength = "an outcome has an impossible length"
}

extension LeaseRecord {
    /// What is wrong with the record, or `nil`. Checked before it is written and after it is read.
    var inconsistency: RecordInconsistency? {
        if holder.pid <= 0 { return .holder }
        if attempt == 0 { return .attempt }
        if generation.transaction == 0 { return .generation }
        if let problem = success.flatMap(inconsistency(of:)) ?? lastFailure.flatMap({ inconsistency(of: $0.outcome) })
        {
            return problem
        }
        if !successFits { return .success }
        if !lastFailureFits { return .lastFailure }
        if !instantsFit { return .instants }
        return nil
    }

    private func inconsistency(of outcome: SealedOutcome) -> RecordInconsistency? {
        if outcome.generation.environment != generation.environment { return .environment }
        return SealedOutcome.lengths.contains(outcome.sealed.count) ? nil : .outcomeLength
    }

    private var successFits: Bool {
        guard state == .success else { return success == nil }
        return success?.kind == .success && success?.generation == generation
    }

    private var lastFailureFits: Bool {
        guard let lastFailure else { return state != .failedTerminal }
        let failed = lastFailure.outcome.generation.transaction
        if failed == 0 || lastFailure.keptUntil == .zero || lastFailure.outcome.kind == .success {
            return false
        }
        let isInherited = failed < generation.transaction
        let isOwn = failed == generation.transaction
        switch state {
        case .held: return isInherited
        case .success: return false
        case .failedTerminal: return isOwn && lastFailure.outcome.kind == .terminalFailure
        case .failedTransient: return isInherited || isOwn && lastFailure.outcome.kind == .transientFailure
        }
    }

    private var instantsFit: Bool {
        if leaseEnds < claimedAt { return false }
        switch state {
        case .held:
            return leaseEnds != .zero && publishedAt == .zero && keptUntil == .zero
        case .success:
            return keptUntil >= publishedAt && notBefore == .zero
        case .failedTerminal:
            return keptUntil >= publishedAt && notBefore == .zero && leaseEnds != .zero
        case .failedTransient:
            // Abandoned is what was not published by this generation: there must be something to keep.
            let isAbandoned = lastFailure?.outcome.generation != generation
            return keptUntil == .zero && leaseEnds != .zero
                && (!isAbandoned || publishedAt == .zero && (lastFailure != nil || notBefore != .zero))
        }
    }
}
