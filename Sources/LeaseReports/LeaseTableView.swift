package import FleetCounters
package import LeaseTable
package import ProcessSupport

/// A table and its counters, looked at together.
package struct LeaseTableView: Sendable {
    /// What all processes have counted; `nil` where that cannot be read, or nobody has counted yet.
    package let fleet: FleetSnapshot?
    /// Every lease, in the order in which they are shown.
    package let rows: [LeaseRow]

    /// Looks. Changes nothing, and waits for another process until `deadline` at the most.
    package init(of table: LeaseTable, deadline: MonotonicInstant) throws(LeaseTableError) {
        fleet = try? FleetSnapshot(of: table)
        let (listed, now) = (try table.leases(deadline: deadline), BootInstant.now())
        let waiters = fleet?.waiters
        rows = LeaseRow.sorted(
            listed.map { lease in
                LeaseRow(lease, now: now, waiters: waiters.map { $0[lease.key] ?? 0 }) { $0.isAlive }
            })
    }
}
