import ArgumentParser
import CLinux
import FoundationEssentials
import Glibc
import LMDB
import LeaseTable
import ProcessSupport

/// `lease-load`: does the table stay within its bounds under load?
@main
struct LeaseLoadCommand: ParsableCommand {
    enum Scenario: String, CaseIterable, ExpressibleByArgument {
        case plateau
        case fullMap = "full-map"
        case stoppedReader = "stopped-reader"
    }

    static let configuration = CommandConfiguration(
        commandName: "lease-load",
        abstract: "Publishes results at a steady rate and checks how large the table grows.",
        discussion: """
            plateau: the file stops growing once results expire as fast as they come.
            full-map: a map too small for the load; claims are refused, nothing that was published is lost, and when the \
            load ends there is room again.
            stopped-reader: a process is stopped inside a read, which pins what is replaced; the file stays within its \
            map, and there is room again when the process has gone.
            """)

    @Argument var scenario: Scenario
    @Option(help: "Refreshes a second, of all processes together.") var rate = 5_000.0
    @Option(help: "Bytes of a result.") var size = 3_072
    @Option(help: "Seconds for which results are kept.") var retention = 30.0
    @Option(help: "Seconds of load.") var seconds = 120.0
    @Option(help: "Processes.") var processes = 2
    @Option(help: "Bytes of the map.") var mapSize = 1 << 30

    func run() throws {
        guard let template = strdup("/dev/shm/lease-load-XXXXXX") else { throw ExitCode(71) }
        defer { free(template) }
        guard mkdtemp(template) != nil else { throw ExitCode(71) }
        let path = String(cString: template)
        defer { try? FileManager.default.removeItem(atPath: path) }
        var checks = Checks()
        try load(path, &checks)
        print(checks.summary)
        if checks.failed > 0 { throw ExitCode(1) }
    }

    private func load(_ path: String, _ checks: inout Checks) throws {
        var configuration = RefreshConfiguration(directory: path)
        configuration.resultRetention = .seconds(retention)
        configuration.mapSize = mapSize
        configuration.publishReserve = min(configuration.publishReserve, mapSize / 8)
        let reader = scenario == .stoppedReader ? try StoppedReader(configuration) : nil
        let workers = try Workers(count: processes) { number, reports in
            LoadWorker(
                number: number, configuration: configuration, rate: rate / Double(processes), resultSize: size,
                seconds: seconds, reports: reports)
        }
        let sizes = observe(path)
        let counts = workers.collect()
        let live = Double(size) * rate * min(retention, seconds)
        print("published \(counts.published), refused \(counts.refused), failures \(counts.failures)")
        print("read back \(counts.readBack), of which lost \(counts.lost)")
        print("live data \(mebibytes(live)) MiB, file \(mebibytes(Double(sizes.last ?? 0))) MiB")
        checks.expect(counts.lost == 0, "a result that was published could not be read back")
        checks.expect(counts.readBack > 0, "nothing was read back")
        checks.expect(counts.failures == 0, "calls failed otherwise than for lack of room")
        checks.expect(Double(sizes.max() ?? 0) <= Double(mapSize), "the file outgrew its map")
        switch scenario {
        case .plateau:
            checks.expect(counts.refused == 0, "claims were refused although there was room")
            // One and a half retentions in, as many expire as come.
            let settled = sizes[min(sizes.count - 1, Int(retention * 1.5))]
            checks.expect(Double(sizes.last ?? 0) <= Double(settled) * 1.05, "the file still grows")
            checks.expect(Double(sizes.last ?? 0) <= live * 2, "the file is more than twice the live data")
        case .fullMap:
            checks.expect(counts.refused > 0, "the map was never full: the load is too small")
            try expectRoom(configuration, &checks)
        case .stoppedReader:
            checks.expect(counts.refused > 0, "the stopped reader pinned nothing: the load is too small")
            reader?.kill()
            try expectRoom(configuration, &checks)
        }
    }

    /// After the retention there is room again, by ordinary writes.
    private func expectRoom(_ configuration: RefreshConfiguration, _ checks: inout Checks) throws {
        pause(for: configuration.resultRetention)
        let workers = try Workers(count: 1) { _, reports in
            LoadWorker(
                number: 99, configuration: configuration, rate: 200, resultSize: size, seconds: 2, reports: reports)
        }
        let counts = workers.collect()
        print("afterwards published \(counts.published), refused \(counts.refused)")
        checks.expect(counts.refused == 0 && counts.published > 0, "there is no room again")
    }

    /// The size of the data file, each second.
    private func observe(_ path: String) -> [Int] {
        var sizes: [Int] = []
        let began = MonotonicInstant.now()
        for second in 1...max(1, Int(seconds)) {
            pause(for: MonotonicInstant.now().duration(to: began.advanced(by: .seconds(second))))
            var status = stat()
            guard stat("\(path)/data.mdb", &status) == 0 else { continue }
            sizes.append(Int(status.st_size))
            show("\r\(second) s: \(mebibytes(Double(status.st_size))) MiB ")
        }
        show("\r")
        return sizes
    }

    /// Progress, for a person who watches.
    private func show(_ text: String) {
        if isatty(STDERR_FILENO) == 1 { _ = write(STDERR_FILENO, text, text.utf8.count) }
    }

    private func mebibytes(_ bytes: Double) -> Int { Int(bytes / 1_048_576) }
}

/// What was checked.
struct Checks {
    private(set) var passed = 0
    private(set) var failed = 0

    mutating func expect(_ condition: Bool, _ otherwise: String) {
        if condition {
            passed += 1
        } else {
            failed += 1
            print("FAILED: \(otherwise)")
        }
    }

    var summary: String { "\(passed) passed, \(failed) failed" }
}
