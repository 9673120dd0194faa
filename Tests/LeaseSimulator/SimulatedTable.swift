import LeaseTable
import ProcessSupport

/// One LMDB environment with the directory it lives in: records as bytes, the expiry index, the write lock, and
/// transaction ids that come again after an abort.
final class SimulatedTable {
    let number: Int
    let id: EnvironmentID
    /// Removed from its path, with everything in it; who has it open goes on with it.
    var isRemoved = false
    private var records: [[UInt8]?]
    /// Ordered by instant, then key, as the database orders it.
    private(set) var expiry: [(instant: BootInstant, key: Int)] = []
    var lastTransaction: UInt64 = 0
    /// A transaction that was begun with the next id and not committed.
    var hasAborted = false
    var lockOwner: SimulatedThread?
    var pipes: [SimulatedPipe] = []
    /// What is known of each key from the events alone.
    var histories: [KeyHistory]
    /// Claims are refused for lack of room.
    var claimsRefusedUntil: UInt64 = 0
    /// Nothing can be committed for lack of room.
    var fullUntil: UInt64 = 0

    init(number: Int, id: EnvironmentID, keys: Int) {
        self.number = number
        self.id = id
        records = Array(repeating: nil, count: keys)
        histories = (0..<keys).map { _ in KeyHistory() }
    }

    var isEmpty: Bool { expiry.isEmpty && records.allSatisfy { $0 == nil } }

    /// `LeaseTable.stored(at:in:)`.
    func record(_ key: Int) throws(Violation) -> LeaseRecord? {
        guard let bytes = records[key] else { return nil }
        do throws(RecordDecodingError) {
            return try RecordCodec.decode(bytes, environment: id)
        } catch {
            throw Violation(promise: .bounded, details: "a record that was stored does not decode: \(error)")
        }
    }

    /// `LeaseTable.store(_:replacing:at:in:)`.
    func store(_ record: LeaseRecord, replacing old: LeaseRecord?, at key: Int) throws(Violation) {
        do throws(RecordEncodingError) {
            let bytes = try RecordCodec.encode(record)
            if let old, old.removableAt != record.removableAt { removeEntry(old.removableAt, key) }
            if old?.removableAt != record.removableAt { insertEntry(record.removableAt, key) }
            records[key] = bytes
        } catch {
            throw Violation(promise: .bounded, details: "a record that the machine made does not encode: \(error)")
        }
        guard try self.record(key) == record else {
            throw Violation(promise: .bounded, details: "a record reads otherwise than it was stored")
        }
    }

    /// `LeaseTable.delete(_:at:in:)`.
    func delete(_ record: LeaseRecord?, at key: Int) {
        if let record { removeEntry(record.removableAt, key) }
        records[key] = nil
    }

    /// `LeaseTable.removeExpired(atMost:now:in:)`. Returns the records that were removed.
    func removeExpired(atMost limit: Int, now: BootInstant) throws(Violation) -> [(key: Int, record: LeaseRecord)] {
        let due = expiry.prefix(limit).prefix { $0.instant <= now }
        var removed: [(key: Int, record: LeaseRecord)] = []
        for entry in due {
            if let record = try record(entry.key), LeaseStateMachine.isRemovable(record, now: now) {
                records[entry.key] = nil
                removed.append((entry.key, record))
            }
        }
        expiry.removeFirst(due.count)
        return removed
    }

    /// Every record has its entry, and every entry its record.
    func checkIndex() throws(Violation) {
        for key in records.indices {
            let entries = expiry.filter { $0.key == key }
            let record = try record(key)
            if entries.count != (record == nil ? 0 : 1) || entries.first?.instant != record?.removableAt {
                throw Violation(promise: .bounded, details: "the expiry index and the record of key \(key) disagree")
            }
        }
    }

    private func insertEntry(_ instant: BootInstant, _ key: Int) {
        let position = expiry.firstIndex { ($0.instant, $0.key) > (instant, key) } ?? expiry.endIndex
        expiry.insert((instant, key), at: position)
    }

    private func removeEntry(_ instant: BootInstant, _ key: Int) {
        expiry.removeAll { $0.instant == instant && $0.key == key }
    }
}
