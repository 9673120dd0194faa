import FleetCounters
import LeaseReports
import LeaseTable

/// What all processes of the table count, and the table itself, as metrics.
struct FleetMetrics {
    let view: LeaseTableView
    let sizes: TableSizes

    /// Adds all of it to a page. Where the counters cannot be read, theirs are left out.
    func write(to page: inout PrometheusPage) {
        if let fleet = view.fleet { write(fleet, to: &page) }
        page.family("refreshd_leases", .gauge, "Records in the table, by state.")
        for state in LeaseRow.State.allCases {
            page.sample(view.rows.count { $0.state == state }, label: ("state", state.rawValue))
        }
        for (name, help, value) in sizes.values { page.single("refreshd_\(name)", .gauge, help, value) }
    }

    private func write(_ fleet: FleetSnapshot, to page: inout PrometheusPage) {
        for family in FleetNames.labelled {
            page.family("refreshd_\(family.name)_total", .counter, family.help)
            for (value, counter) in family.values { page.sample(fleet[counter], label: (family.label, value)) }
        }
        for (name, help, counter) in FleetNames.single {
            page.single("refreshd_\(name)_total", .counter, help, fleet[counter])
        }
        for (name, help, histogram) in FleetNames.histograms {
            let durations = fleet[histogram]
            page.family("refreshd_\(name)_seconds", .histogram, help)
            page.histogram(
                bounds: FleetHistogram.bounds.map { Double($0) / 1e9 }, buckets: durations.buckets,
                sum: Double(durations.nanoseconds) / 1e9)
        }
        let waiters = fleet.waiters.values.reduce(fleet.unnamedWaiters, +)
        page.single("refreshd_waiters", .gauge, "Callers that wait for somebody else's call now.", waiters)
        page.single(
            "refreshd_counting_processes", .gauge, "Processes with a slot for their counters.", fleet.slotsInUse)
        page.single("refreshd_counter_slots", .gauge, "Such slots there are.", FleetSnapshot.slots)
    }
}
