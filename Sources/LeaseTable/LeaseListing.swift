import LMDB
public import ProcessSupport

/// One record as it is stored, for tools that show the table. Nothing in it leads to a token.
public struct ListedLease: Sendable {
    /// The record's key.
    public let key: RecordKey
    /// The record, or why it cannot be read.
    public let record: Result<LeaseRecord, RecordDecodingError>
    /// Bytes stored.
    public let size: Int
}

extension LeaseTable {
    /// Every record of one moment, in the order of keys.
    ///
    /// Read in portions, each in a transaction of its own, so that a large table is not pinned while it is listed.
    public func leases(deadline: MonotonicInstant) throws(LeaseTableError) -> [ListedLease] {
        var listed: [ListedLease] = []
        var from: [UInt8] = [TableKeys.leasePrefix]
        let portion = 512
        while true {
            let start = from
            let found = try translating { () throws(EnvironmentError) in
                try environment.read(until: deadline) { transaction throws(EnvironmentError) in
                    var found: [ListedLease] = []
                    try unsafe transaction.forEach(from: start) { key, value in
                        guard let recordKey = unsafe TableKeys.parseLease(key) else { return false }
                        let size = value.count
                        let record = Result { () throws(RecordDecodingError) in
                            try unsafe RecordCodec.decode(value, environment: environmentID)
                        }
                        found.append(ListedLease(key: recordKey, record: record, size: size))
                        return found.count < portion
                    }
                    return found
                }
            }
            listed += found
            guard found.count == portion, let last = found.last else { return listed }
            from = TableKeys.lease(last.key) + [0]
        }
    }
}
