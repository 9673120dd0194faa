import Foundation
import Glibc
import TableTestSupport
import Testing

@testable import LeaseTable

/// Who waits for a lease, as it is shown, and what all processes counted.
@Suite(.timeLimit(.minutes(2))) struct WaitersTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func dump(_ arguments: [String]) throws -> String {
        let ran = try Program.run("lease-dump", ["--directory", directory.path] + arguments)
        #expect(ran.status == 0, "\(ran.errors)")
        return ran.output
    }

    private func statistics() throws -> [String: String] {
        let pairs = try dump(["--stats"]).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        return Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })
    }

    private func waiters() throws -> Int? {
        let text = Data(try dump(["--json"]).utf8)
        let object = try JSONSerialization.jsonObject(with: text) as? [String: Any]
        return (object?["leases"] as? [[String: Any]])?.first?["waiters"] as? Int
    }

    @Test func waitersOfALeaseAreThoseOfAllProcesses() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.hold("token")
        // Nobody has counted yet: then nothing is known, and nothing made.
        let before = try directory.listing()
        #expect(try waiters() == nil)
        #expect(try statistics()["callers_waited"] == "-")
        #expect(try directory.listing() == before)
        let workers = try (0..<2).map { _ in try Program("fleet-counter-worker", [directory.path]) }
        for worker in workers {
            for command in ["wait token", "wait token", "wait other", "count 3"] {
                worker.send(line: command)
                #expect(worker.outputLine() != nil)
            }
        }
        #expect(try waiters() == 4)
        let csv = try dump(["--csv"]).components(separatedBy: "\r\n")
        #expect(csv[0].hasSuffix(",waiters") && csv[1].hasSuffix(",4"))
        #expect(try dump([]).contains("WAITERS"))
        var named = try statistics()
        #expect(named["waiters"] == "4" && named["waiters_without_key"] == "0")
        #expect(named["counting_processes"] == "2" && named["counter_slots"] == "512")
        #expect(named["callers_waited"] == "6" && named["upstream_in_doubt"] == "6" && named["waits"] == "12")
        #expect(named["call_count"] == "6" && named["call_p50_us"] == "1000" && named["call_p99_us"] == "1000")
        // Looking takes no slot, and leaves the counters as they are.
        let counters = try Data(contentsOf: URL(fileURLWithPath: directory.file("counters")))
        _ = try dump(["--stats"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file("counters"))) == counters)
        workers[0].send(SIGKILL)
        _ = workers[0].finish()
        #expect(try waiters() == 2)
        named = try statistics()
        #expect(named["waiters"] == "2" && named["callers_waited"] == "6")
    }

    @Test func aFileOfCountersThatCannotBeReadHidesNothingElse() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.hold("token")
        try Data("no counters".utf8).write(to: URL(fileURLWithPath: directory.file("counters")))
        let lines = try dump([]).split(separator: "\n")
        #expect(lines.count == 2 && lines[1].contains("held") && lines[1].contains(" - "))
        #expect(try statistics()["leases"] == "1")
    }
}
