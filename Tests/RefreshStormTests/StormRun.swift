import Foundation

/// One run of the real program, and its report.
struct StormRun {
    /// The part of the report that is the interface.
    struct Report: Decodable {
        struct Latency: Decodable {
            var p50: Double
            var p99: Double
            var max: Double
        }

        struct Takeover: Decodable {
            var p50: Double
            var p99: Double
        }

        var upstreamCalls: Int
        var callers: Int
        var succeeded: Int
        var failed: Int
        var distinctResults: Int
        var addedLatencyMs: Latency?
        var takeoverMs: Takeover?
        var rounds: Int
        var held: Bool
        var retriedAfterRetention: Bool?
        var violations: [String]
    }

    var status: Int32
    var output: Data
    var errors: String

    /// Runs `refresh-storm` with `arguments`, and waits for it.
    init(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = Self.programs.appendingPathComponent("refresh-storm")
        process.arguments = arguments
        let output = Pipe()
        let errorFile = FileManager.default.temporaryDirectory.appendingPathComponent("storm-\(UUID()).txt")
        _ = FileManager.default.createFile(atPath: errorFile.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: errorFile) }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errorFile)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.output = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        status = process.terminationStatus
        errors = String(decoding: (try? Data(contentsOf: errorFile)) ?? Data(), as: UTF8.self)
    }

    /// The report of a run with `--json`.
    static func report(_ arguments: String) throws -> Report {
        let run = try StormRun(arguments.split(separator: " ").map(String.init) + ["--json"])
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let report = try decoder.decode(Report.self, from: run.output)
        if (run.status == 0) != report.held { throw Mismatch(status: run.status) }
        return report
    }

    /// The exit status says something else than the report.
    struct Mismatch: Error {
        var status: Int32
    }

    /// Where the programs are that were built with these tests.
    private static var programs: URL {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    }
}
