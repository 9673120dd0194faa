package import LeaseTable
import ProcessSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Leases as JSON. Field names, their units and their meaning are those of docs/lease-dump.md: a field may be added, none
/// is renamed, and every field is always there, `null` where it does not apply.
package struct LeaseReport: Encodable, Sendable {
    /// Raised only when a field changes its meaning.
    package static let format = 1

    package let directory: TableDirectory
    package let environment: EnvironmentID
    package let rows: [LeaseRow]

    /// Makes a report of `rows`, in their order.
    package init(directory: TableDirectory, environment: EnvironmentID, rows: [LeaseRow]) {
        self.directory = directory
        self.environment = environment
        self.rows = rows
    }

    private enum CodingKeys: String, CodingKey {
        case format, directory, reason, environment, leases
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.format, forKey: .format)
        try container.encode(directory.path, forKey: .directory)
        try container.encode(directory.reason.rawValue, forKey: .reason)
        try container.encode(environment.description, forKey: .environment)
        try container.encode(rows.map(Lease.init), forKey: .leases)
    }

    /// The report as text, with an end of line.
    package func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}

private struct Lease: Encodable {
    let row: LeaseRow

    enum CodingKeys: String, CodingKey {
        case key
        case shortKey = "short_key"
        case state, problem, generation, holder, pipe, attempt
        case age = "age_ms"
        case timeLeft = "time_left_ms"
        case claimedAge = "claimed_age_ms"
        case publishedAge = "published_age_ms"
        case notBeforeIn = "not_before_in_ms"
        case removableIn = "removable_in_ms"
        case size = "size_bytes"
        case waiters
    }

    func encode(to encoder: any Encoder) throws {
        let content = row.content
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(row.key.description, forKey: .key)
        try container.encode(row.key.shortDescription, forKey: .shortKey)
        try container.encode(row.state.rawValue, forKey: .state)
        try container.encode(row.problem, forKey: .problem)
        try container.encode(content.map { Tenure($0.generation) }, forKey: .generation)
        try container.encode(content.map { Process($0.holder, isAlive: $0.isHolderAlive) }, forKey: .holder)
        try container.encode(content?.pipe?.fileName, forKey: .pipe)
        try container.encode(content?.attempt, forKey: .attempt)
        try container.encode(content?.age.wholeMilliseconds, forKey: .age)
        try container.encode(content?.timeLeft.wholeMilliseconds, forKey: .timeLeft)
        try container.encode(content?.claimedAge?.wholeMilliseconds, forKey: .claimedAge)
        try container.encode(content?.publishedAge?.wholeMilliseconds, forKey: .publishedAge)
        try container.encode(content?.notBeforeIn?.wholeMilliseconds, forKey: .notBeforeIn)
        try container.encode(content?.removableIn.wholeMilliseconds, forKey: .removableIn)
        try container.encode(row.size, forKey: .size)
        try container.encode(row.waiters, forKey: .waiters)
    }

    private struct Tenure: Encodable {
        let environment: String
        let transaction: UInt64

        init(_ generation: Generation) {
            environment = generation.environment.description
            transaction = generation.transaction
        }
    }

    private struct Process: Encodable {
        let pid: Int32
        let startTime: UInt64
        let uid: UInt32
        let alive: Bool

        enum CodingKeys: String, CodingKey {
            case pid, uid, alive
            case startTime = "start_time"
        }

        init(_ holder: Holder, isAlive: Bool) {
            pid = holder.pid
            startTime = holder.startTime
            uid = holder.uid
            alive = isAlive
        }
    }
}
