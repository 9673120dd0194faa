import Foundation
import Testing

@testable import WorkOSEmulator

/// The command as a process: its one line, its signals, its exit codes.
@Suite struct CommandTests {
    private func command(_ arguments: [String], environment: [String: String] = [:]) -> (Process, Pipe, Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
            .deletingLastPathComponent().appendingPathComponent("workos-emulator")
        process.arguments = arguments
        process.environment = environment
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        return (process, output, errors)
    }

    /// Runs to the end: exit code, standard output, standard error.
    private func run(_ arguments: [String]) async throws -> (Int32, String, String) {
        let (process, output, errors) = command(arguments)
        try process.run()
        return try await blocking {
            let out = output.fileHandleForReading.readDataToEndOfFile()
            let err = errors.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (
                process.terminationStatus, String(decoding: out, as: UTF8.self),
                String(decoding: err, as: UTF8.self)
            )
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func saysWhereItListensAndStopsOnASignal(signal: Int32) async throws {
        let (process, output, _) = command(["--delay", "3600000"], environment: ["WORKOS_API_KEY": "sk_env"])
        try process.run()
        let line = String(
            decoding: try await blocking { output.fileHandleForReading.availableData }, as: UTF8.self)
        let prefix = "workos-emulator listening on http://127.0.0.1:"
        try #require(line.hasPrefix(prefix) && line.hasSuffix("\n"))
        let port = try #require(Int(line.dropFirst(prefix.count).dropLast()))
        let connection = try RawConnection(port: port)
        try connection.send(TestEmulator.request("GET", "/_emulator/settings"))
        let reply = try await blocking { try HTTPReader(connection).reply() }
        #expect(reply["api_key_required"] == true)
        #expect(reply["delay_ms"] == 3_600_000)
        #expect(reply["user_limit"] == "10/60")
        kill(process.processIdentifier, signal)
        try await blocking { process.waitUntilExit() }
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 0)
    }

    @Test(arguments: [
        ["--port", "70000"], ["--port", "x"], ["--delay", "-1"], ["--user-limit", "10"],
        ["--replay-grace", "-1"],
        ["--log-level", "loud"], ["--nope"],
    ])
    func refusesWrongOptions(arguments: [String]) async throws {
        let (status, output, errors) = try await run(arguments)
        #expect(status == 64)
        #expect(output.isEmpty)
        #expect(errors.contains("--help") || errors.contains("must be"))
    }

    @Test func aPortThatIsTakenIsAnError() async throws {
        try await TestEmulator.run { emulator in
            let (status, output, errors) = try await run(["--port", "\(emulator.port)"])
            #expect(status == 1)
            #expect(output.isEmpty)
            #expect(errors.contains("\(emulator.port)"))
        }
    }

    @Test func helpShowsExamplesUnbroken() async throws {
        let (status, output, _) = try await run(["--help"])
        #expect(status == 0)
        #expect(output.contains("EXAMPLES"))
        #expect(output.contains("\n    workos-emulator --delay 500 --replay-grace 10 \\\n"))
        for option in [
            "--port", "--host", "--delay", "--replay-grace", "--access-token-ttl", "--client-id", "--api-key",
            "--user-limit", "--environment-limit", "--retry-after", "--issuer", "--log-level",
        ] {
            #expect(output.contains("  \(option) "), "\(option)")
        }
    }
}
