import FleetCounters
import Glibc
import LeaseReports
import LeaseTable
import Logging
import TableTestSupport
import Testing

@testable import refreshd

/// What operators read: metrics and log lines.
@Suite(.timeLimit(.minutes(1))) struct OperatorPagesTests {
    @Test func aHistogramIsCumulativeAndEndsWithItsCount() {
        var page = PrometheusPage()
        page.family("a_seconds", .histogram, "Help.")
        page.histogram(bounds: [0.001, 0.5], buckets: [2, 0, 3], sum: 1.5)
        page.single("b_total", .counter, "More.", 7)
        #expect(
            page.text == """
                # HELP a_seconds Help.
                # TYPE a_seconds histogram
                a_seconds_bucket{le="0.001"} 2
                a_seconds_bucket{le="0.5"} 2
                a_seconds_bucket{le="+Inf"} 5
                a_seconds_sum 1.5
                a_seconds_count 5
                # HELP b_total More.
                # TYPE b_total counter
                b_total 7

                """)
    }

    /// Every counter has a name, once, and what cannot be read is left out.
    @Test func everythingThatIsCountedIsShown() throws {
        let named = FleetNames.labelled.flatMap { $0.values.map(\.1) } + FleetNames.single.map(\.counter)
        #expect(named.count == FleetCounter.allCases.count)
        #expect(Set(named).count == named.count)
        #expect(Set(FleetNames.histograms.map(\.histogram)).count == FleetHistogram.allCases.count)
        let directory = try TemporaryDirectory()
        let table = try LeaseTable.open(directory.path)
        func page() throws -> String {
            let view = try LeaseTableView(of: table, deadline: soon())
            var page = PrometheusPage()
            FleetMetrics(view: view, sizes: TableSizes(of: table, view.rows)).write(to: &page)
            return page.text
        }
        #expect(try !page().contains("refreshd_callers_total") && page().contains("refreshd_map_bytes 1073741824"))
        let slot = try FleetCounters.slot(in: table, deadline: soon())
        slot.count(.takeoversFromDead)
        slot.record(.wait, .milliseconds(3))
        let text = try page()
        for line in [
            #"refreshd_takeovers_total{from="dead"} 1"#, #"refreshd_takeovers_total{from="late"} 0"#,
            #"refreshd_wait_seconds_bucket{le="0.0025"} 0"#, #"refreshd_wait_seconds_bucket{le="0.005"} 1"#,
            "refreshd_wait_seconds_sum 0.003", "refreshd_wait_seconds_count 1", "refreshd_counting_processes 1",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line)")
        }
    }

    @Test(arguments: [
        (Logger.Level.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
    ])
    func theJournalReadsLevels(level: Logger.Level, priority: Int) {
        let line = StandardErrorLog.line(level, "text", ["b": "2", "a": "1"], .journal, at: 0)
        #expect(line == "<\(priority)>text a=1 b=2\n")
    }

    /// What came from the network cannot forge a line.
    @Test func aLineIsOneLine() {
        let line = StandardErrorLog.line(
            .notice, "a\nb", ["id": "x\r\n<2>forged\u{1b}[2J\u{2028}é"], .words, at: 1_774_000_000)
        #expect(
            line == "2026-03-20T09:46:40Z notice refreshd: a\\u{a}b id=x\\u{d}\\u{a}<2>forged\\u{1b}[2J\\u{2028}é\n")
    }

    @Test func theJournalIsKnownByDeviceAndInode() throws {
        let directory = try TemporaryDirectory()
        let file = open(directory.file("log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        var status = stat()
        try #require(fstat(file, &status) == 0)
        #expect(StandardErrorLog.leadsToJournal(file, "\(status.st_dev):\(status.st_ino)"))
        for other in ["\(status.st_dev):\(status.st_ino + 1)", "\(status.st_dev):", "", nil] {
            #expect(!StandardErrorLog.leadsToJournal(file, other))
        }
    }
}
