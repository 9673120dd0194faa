import LeaseReports
import LeaseTable

/// Which leases are shown; everything that is set must fit.
struct LeaseFilter {
    /// Any of these states; empty for all.
    var states: Set<LeaseRow.State> = []
    /// At least this old. Damaged records have no age, and do not fit.
    var minimumAge: Duration?
    /// At most this old.
    var maximumAge: Duration?
    /// Of this process. Damaged records have no holder, and do not fit.
    var holder: Int32?
    /// Of this key.
    var key: RecordKey?

    func includes(_ row: LeaseRow) -> Bool {
        if !states.isEmpty, !states.contains(row.state) { return false }
        if let key, row.key != key { return false }
        guard minimumAge != nil || maximumAge != nil || holder != nil else { return true }
        guard let content = row.content else { return false }
        if let holder, content.holder.pid != holder { return false }
        if let minimumAge, content.age < minimumAge { return false }
        if let maximumAge, content.age > maximumAge { return false }
        return true
    }
}
