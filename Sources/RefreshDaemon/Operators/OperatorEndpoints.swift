import LeaseReports
import LeaseTable
import NIOHTTP1
import ProcessSupport
import RefreshClient

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
        case "/metrics":
            return Self.text(
                .ok,
                metrics.text(
                    counts: RefreshClient.counts(in: directory), connections: draining.connections,
                    leases: (try? report()).map {
                        Dictionary(grouping: $0.rows, by: \.state.rawValue).mapValues(\.count)
                    }
                ), type: "text/plain; version=0.0.4; charset=utf-8")
        case "/v1/leases": return leases()
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

    private func leases() -> Answer {
        do {
            return Self.text(.ok, try report().text(), type: "application/json; charset=utf-8")
        } catch {
            return .error(.serviceUnavailable, "server_error", "The lease table cannot be read.", retryAfter: 1)
        }
    }

    private func report() throws -> LeaseReport {
        let table = try opened()
        let listed = try table.leases(deadline: .now().advanced(by: Self.patience))
        let now = BootInstant.now()
        return LeaseReport(
            directory: directory, environment: table.environmentID,
            rows: LeaseRow.sorted(listed.map { LeaseRow($0, now: now) { $0.isAlive } }))
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
