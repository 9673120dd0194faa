import Foundation
import Testing

/// The real program: that what should hold holds, and that each of its checks can fail.
@Suite(.serialized) struct TortureTests {
    @Test(arguments: ["stopped-writing", "stopped-opening", "stopped-sending"])
    func nobodyRefreshesForWhoIsStopped(scenario: String) throws {
        let run = try TortureRun("--scenario \(scenario)")
        #expect(run.status == 0, "\(run.output)")
    }

    @Test func everythingHoldsForAWhile() throws {
        let run = try TortureRun("--seconds 8 --deaths 300 --json")
        #expect(run.status == 0, "\(run.output)")
    }

    @Test(arguments: [
        "single-flight", "double-refreshes", "emulator", "answered", "on-time", "agreement", "lost-results",
        "outcomes",
        "environment", "space", "readers", "processes",
    ])
    func theCheckCanFail(check: String) throws {
        let run = try TortureRun("--seconds 1 --deaths 0 --json --break \(check)")
        #expect(run.status == 1, "\(run.errors)")
        #expect(try run.failedChecks().contains(check), "\(run.output)")
    }
}

/// One run of `refresh-torture`.
struct TortureRun {
    var status: Int32
    var output: String
    var errors: String

    init(_ arguments: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("refresh-torture")
        process.arguments = arguments.split(separator: " ").map(String.init)
        let output = Pipe()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("torture-\(UUID()).txt")
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: file) }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: file)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.output = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        status = process.terminationStatus
        errors = String(decoding: (try? Data(contentsOf: file)) ?? Data(), as: UTF8.self)
    }

    /// The checks that a run with `--json` says failed.
    func failedChecks() throws -> [String] {
        struct Report: Decodable {
            struct Check: Decodable {
                var name: String
                var passed: Bool
            }

            var checks: [Check]
        }
        return try JSONDecoder().decode(Report.self, from: Data(output.utf8)).checks.filter { !$0.passed }.map(\.name)
    }
}
