import LeaseReports
import LeaseTable
import ProcessSupport

/// Leases as comma-separated values (RFC 4180), with the names, units and order of docs/lease-dump.md.
enum LeaseCSV {
    private static let header = [
        "key", "state", "problem", "environment", "transaction", "holder_pid", "holder_start_time", "holder_uid",
        "holder_alive", "pipe", "attempt", "age_ms", "time_left_ms", "claimed_age_ms", "published_age_ms",
        "not_before_in_ms", "removable_in_ms", "size_bytes", "waiters",
    ]

    /// A header and one line for each lease; lines end with CR and LF. What does not apply is empty.
    static func text(_ rows: [LeaseRow]) -> String {
        ([header] + rows.map(fields)).map { $0.map(escaped).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func fields(_ row: LeaseRow) -> [String] {
        let content = row.content
        func text(_ value: (some CustomStringConvertible)?) -> String { value.map { "\($0)" } ?? "" }
        return [
            row.key.description, row.state.rawValue, row.problem ?? "",
            text(content?.generation.environment), text(content?.generation.transaction), text(content?.holder.pid),
            text(content?.holder.startTime), text(content?.holder.uid), text(content?.isHolderAlive),
            content?.pipe?.fileName ?? "", text(content?.attempt), text(content?.age.wholeMilliseconds),
            text(content?.timeLeft.wholeMilliseconds), text(content?.claimedAge?.wholeMilliseconds),
            text(content?.publishedAge?.wholeMilliseconds), text(content?.notBeforeIn?.wholeMilliseconds),
            text(content?.removableIn.wholeMilliseconds), "\(row.size)", text(row.waiters),
        ]
    }

    private static func escaped(_ field: String) -> String {
        guard field.contains(where: { "\",\r\n".contains($0) }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}
