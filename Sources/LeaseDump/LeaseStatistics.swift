import FleetCounters
import Foundation
import LMDB
import LeaseReports
import LeaseTable
import ProcessSupport

/// The table as a whole: how much there is, and how much of it may still come.
struct LeaseStatistics {
    let rows: [LeaseRow]
    let space: EnvironmentSpace
    /// Files among the wake pipes; `nil` where they cannot be listed.
    let pipes: Int?
    /// What all processes counted, where that is known.
    let fleet: FleetSnapshot?

    /// Looks at `table`.
    init(_ rows: [LeaseRow], of table: LeaseTable, fleet: FleetSnapshot?) {
        self.rows = rows
        self.fleet = fleet
        space = table.space
        pipes = try? FileManager.default.contentsOfDirectory(atPath: table.directory.path + "/pipes").count
    }

    /// One `name value` on each line: names are stable, units are in them.
    var text: String {
        var lines: [(String, String)] = [("leases", "\(rows.count)")]
        for state in LeaseRow.State.allCases {
            lines.append(("leases_\(state.rawValue)", "\(rows.count { $0.state == state })"))
        }
        let held = rows.filter { $0.state == .held }
        lines += [
            ("held_by_the_dead", "\(held.count { $0.content?.isHolderAlive == false })"),
            ("oldest_held_ms", held.compactMap { $0.content?.age.wholeMilliseconds }.max().map { "\($0)" } ?? "-"),
            ("oldest_ms", rows.compactMap { $0.content?.age.wholeMilliseconds }.max().map { "\($0)" } ?? "-"),
            ("record_bytes", "\(rows.reduce(0) { $0 + $1.size })"),
            ("map_bytes", "\(space.mapSize)"),
            ("map_used_bytes", "\(space.usedToPage)"),
            ("file_system_free_bytes", "\(space.fileSystemFree)"),
            ("readers", "\(space.readersInUse)"),
            ("reader_slots", "\(space.readerSlots)"),
            ("pipes", pipes.map { "\($0)" } ?? "-"),
        ]
        lines += FleetLines.lines(fleet, waiters: fleet.map { _ in rows.reduce(0) { $0 + ($1.waiters ?? 0) } })
        return lines.map { "\($0.0) \($0.1)\n" }.joined()
    }
}
