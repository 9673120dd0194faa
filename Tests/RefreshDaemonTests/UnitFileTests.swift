import Foundation
import TableTestSupport
import Testing

@Suite struct UnitFileTests {
    private static let analyzer = "/usr/bin/systemd-analyze"

    /// The unit as it is, but for the program's path: what is verified is also that it can be executed.
    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: analyzer),
            "systemd-analyze, of Debian's package systemd, is not installed"))
    func theUnitPassesVerification() throws {
        let directory = try TemporaryDirectory()
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let unit = try String(
            contentsOf: repository.appendingPathComponent("systemd/refreshd.service"), encoding: .utf8)
        try #require(unit.contains("ExecStart=/usr/bin/refreshd "))
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("refreshd").path
        let copy = directory.file("refreshd.service")
        try unit.replacingOccurrences(of: "ExecStart=/usr/bin/refreshd ", with: "ExecStart=\(program) ")
            .write(toFile: copy, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.analyzer)
        process.arguments = ["verify", "--recursive-errors=no", copy]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(said.isEmpty, "\(said)")
    }
}
