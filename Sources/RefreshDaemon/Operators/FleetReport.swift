import FleetCounters
import Foundation
import LeaseReports
import LeaseTable

/// What all processes of the table count, as JSON. Field names, units and their meaning are those of docs/refreshd.md: one
/// may be added, none is renamed.
struct FleetReport: Encodable {
    private static let format = 1

    let directory: TableDirectory
    let view: LeaseTableView
    let sizes: TableSizes

    private enum CodingKeys: String, CodingKey {
        case format, directory, processes, waiters, counters, histograms, sizes
        case processSlots = "process_slots"
    }

    func encode(to encoder: any Encoder) throws {
        let fleet = view.fleet
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.format, forKey: .format)
        try container.encode(directory.path, forKey: .directory)
        try container.encode(fleet?.slotsInUse, forKey: .processes)
        try container.encode(FleetSnapshot.slots, forKey: .processSlots)
        try container.encode(fleet.map { $0.waiters.values.reduce($0.unnamedWaiters, +) }, forKey: .waiters)
        try container.encode(fleet.map(Self.counters), forKey: .counters)
        try container.encode(fleet.map(Self.histograms), forKey: .histograms)
        try container.encode(
            Dictionary(uniqueKeysWithValues: sizes.values.map { ($0.name, $0.value) }), forKey: .sizes)
    }

    /// The report as text, with an end of line.
    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }

    private static func counters(_ fleet: FleetSnapshot) -> [String: [String: UInt64]] {
        var counters: [String: [String: UInt64]] = [:]
        for family in FleetNames.labelled {
            counters[family.name] = Dictionary(uniqueKeysWithValues: family.values.map { ($0.0, fleet[$0.1]) })
        }
        counters["other"] = Dictionary(
            uniqueKeysWithValues: FleetNames.single.map { ($0.name, fleet[$0.counter]) })
        return counters
    }

    private struct Histogram: Encodable {
        let buckets: [UInt64]
        let bounds: [UInt64]
        let sum: UInt64

        enum CodingKeys: String, CodingKey {
            case buckets
            case bounds = "bounds_us"
            case sum = "sum_us"
        }
    }

    private static func histograms(_ fleet: FleetSnapshot) -> [String: Histogram] {
        Dictionary(
            uniqueKeysWithValues: FleetNames.histograms.map { name, _, histogram in
                let durations = fleet[histogram]
                return (
                    name,
                    Histogram(
                        buckets: durations.buckets, bounds: FleetHistogram.bounds.map { $0 / 1000 },
                        sum: durations.nanoseconds / 1000)
                )
            })
    }
}
