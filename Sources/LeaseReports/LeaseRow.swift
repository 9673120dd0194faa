package import LeaseTable
package import ProcessSupport

/// One lease as it is shown: what its record says, seen at one moment.
///
/// It has no place for an outcome, so that nothing sealed can be printed, let alone a token.
package struct LeaseRow: Hashable, Sendable {
    /// Where the lease is in its life; in the order in which rows are shown.
    package enum State: String, CaseIterable, Sendable {
        case held
        case failedTerminal = "failed_terminal"
        case failedTransient = "failed_transient"
        case success
        /// The record cannot be read.
        case damaged
    }

    /// What is known of a record that can be read.
    package struct Content: Hashable, Sendable {
        package let generation: Generation
        package let holder: Holder
        package let isHolderAlive: Bool
        /// The pipe its waiters wait on; `nil` where pipes are not used.
        package let pipe: WakePipeName?
        package let attempt: UInt32
        /// Since the claim while held, since the end otherwise.
        package let age: Duration
        /// Until the lease's end while held, until the outcome answers nobody any more otherwise; negative where past.
        package let timeLeft: Duration
        /// Since the claim, where there was one.
        package let claimedAge: Duration?
        /// Since the outcome was published, where there is one.
        package let publishedAge: Duration?
        /// Until the upstream may be called again, where it asked for that and the time is still to come.
        package let notBeforeIn: Duration?
        /// Until a sweep may remove the record; negative where past.
        package let removableIn: Duration
    }

    package let key: RecordKey
    package let state: State
    /// Bytes stored.
    package let size: Int
    /// `nil` for a damaged record.
    package let content: Content?
    /// What is wrong with a damaged record.
    package let problem: String?
    /// Callers of all processes that wait for it at present; `nil` where that is not known.
    package let waiters: Int?

    /// Describes what is stored, as of `now`.
    package init(_ listed: ListedLease, now: BootInstant, waiters: Int? = nil, isAlive: (Holder) -> Bool) {
        self.init(
            key: listed.key, record: listed.record, size: listed.size, now: now, waiters: waiters, isAlive: isAlive)
    }

    package init(
        key: RecordKey, record: Result<LeaseRecord, RecordDecodingError>, size: Int, now: BootInstant,
        waiters: Int? = nil, isAlive: (Holder) -> Bool
    ) {
        self.key = key
        self.size = size
        self.waiters = waiters
        switch record {
        case .success(let record):
            state = State(record.state)
            content = Content(record, now: now, isAlive: isAlive(record.holder))
            problem = nil
        case .failure(let error):
            state = .damaged
            content = nil
            problem = error.description
        }
    }

    /// By state, then the oldest first; equals by key, so that two dumps of one table agree.
    package static func sorted(_ rows: [LeaseRow]) -> [LeaseRow] {
        rows.sorted { left, right in
            if left.state != right.state { return left.state.order < right.state.order }
            let (leftAge, rightAge) = (left.content?.age ?? .zero, right.content?.age ?? .zero)
            if leftAge != rightAge { return leftAge > rightAge }
            return left.key.bytes.lexicographicallyPrecedes(right.key.bytes)
        }
    }
}

extension LeaseRow.State {
    fileprivate init(_ state: LeaseRecord.State) {
        switch state {
        case .held: self = .held
        case .success: self = .success
        case .failedTerminal: self = .failedTerminal
        case .failedTransient: self = .failedTransient
        }
    }

    fileprivate var order: Int { Self.allCases.firstIndex(of: self) ?? Self.allCases.count }
}

extension LeaseRow.Content {
    fileprivate init(_ record: LeaseRecord, now: BootInstant, isAlive: Bool) {
        func since(_ instant: BootInstant) -> Duration? {
            // A record may be newer than `now`, by as long as the listing took.
            instant == .zero ? nil : max(.zero, instant.duration(to: now))
        }
        generation = record.generation
        holder = record.holder
        isHolderAlive = isAlive
        pipe = record.pipeNumber == 0 ? nil : record.pipe
        attempt = record.attempt
        claimedAge = since(record.claimedAt)
        publishedAge = since(record.publishedAt)
        age = (record.state == .held ? claimedAge : publishedAge ?? claimedAge) ?? .zero
        let end: BootInstant =
            switch record.state {
            case .held: record.leaseEnds
            case .success, .failedTerminal: record.keptUntil
            // Answers only those who waited for it, and says when the next may try.
            case .failedTransient: record.removableAt
            }
        timeLeft = now.duration(to: end)
        notBeforeIn = now < record.notBefore ? now.duration(to: record.notBefore) : nil
        removableIn = now.duration(to: record.removableAt)
    }
}
