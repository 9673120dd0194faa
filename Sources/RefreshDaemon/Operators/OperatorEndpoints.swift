import LeaseReports
import LeaseTable
import NIOHTTP1
import ProcessSupport

/// What operators ask the daemon itself: whether it works, and what it sees.
///
/// On Unix sockets always; over TCP only where that was asked for, since whoever may connect there is not known.
struct OperatorEndpoints: Sendable {
    let directory: TableDirectory
    let table: RefreshConfiguration
    let metrics: DaemonMetrics
    let draining: Draining
    /// Whether clients over TCP are answered.
    let onLoopback: Bool

    /// How long one look at the table may wait for another process. 250 ms: reads take microseconds.
    private static let patience = Duration.milliseconds(250)

    /// The answer to a request that is for the daemon; `nil` for any other, which is the upstream's.
    func answer(to request: ClientRequest) -> Answer? {
        guard request.peer.credentials != nil || onLoopback, [.GET, .HEAD].contains(request.head.method) else {
            return nil
        }
        switch request.head.uri {
        case "/healthz": return Self.text(.ok, "ok\n")
        case "/readyz": return readiness()
        case "/metrics": return numbers()
        case "/v1/leases":
            return json { table, view in
                try LeaseReport(directory: directory, environment: table.environmentID, rows: view.rows).text()
            }
        case "/v1/counters":
            return json { table, view in
                try FleetReport(directory: directory, view: view, sizes: TableSizes(of: table, view.rows)).text()
            }
        case "/": return StatusPage.answer
        default: return nil
        }
    }

    private func readiness() -> Answer {
        if draining.hasBegun { return Self.text(.serviceUnavailable, "stopping\n") }
        do throws(LeaseTableError) {
            _ = try opened()
            return Self.text(.ok, "ready\n")
        } catch {
            return Self.text(.serviceUnavailable, "\(error)\n")
        }
    }

    private func numbers() -> Answer {
        var page = PrometheusPage()
        metrics.write(to: &page, connections: draining.connections)
        if let (table, view) = try? seen() {
            FleetMetrics(view: view, sizes: TableSizes(of: table, view.rows)).write(to: &page)
        }
        return Self.text(.ok, page.text, type: PrometheusPage.mediaType)
    }

    private func json(_ text: (LeaseTable, LeaseTableView) throws -> String) -> Answer {
        do {
            let (table, view) = try seen()
            return Self.text(.ok, try text(table, view), type: "application/json; charset=utf-8")
        } catch {
            return .error(.serviceUnavailable, "server_error", "The lease table cannot be read.", retryAfter: 1)
        }
    }

    private func seen() throws(LeaseTableError) -> (LeaseTable, LeaseTableView) {
        let table = try opened()
        return (table, try LeaseTableView(of: table, deadline: .now().advanced(by: Self.patience)))
    }

    private func opened() throws(LeaseTableError) -> LeaseTable {
        try LeaseTable(table, in: directory, deadline: .now().advanced(by: Self.patience))
    }

    private static func text(
        _ status: HTTPResponseStatus, _ text: String, type: String = "text/plain; charset=utf-8"
    ) -> Answer {
        Answer(
            status: status, headers: ["Content-Type": type, "Cache-Control": "no-store"], body: Array(text.utf8))
    }
}
