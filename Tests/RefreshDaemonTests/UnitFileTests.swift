import Foundation
import TableTestSupport
import Testing

private let analyzer = "/usr/bin/systemd-analyze"

/// The files of systemd/, judged by systemd's own tools; those are of Debian's package systemd, without which this fails.
@Suite struct UnitFileTests {
    private let directory: TemporaryDirectory
    private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, said: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said)
    }

    /// The units as they are, but for the program's path: what is verified is also that it can be executed.
    @Test func theUnitsPassVerification() throws {
        let unit = try String(
            contentsOf: repository.appendingPathComponent("systemd/refreshd.service"), encoding: .utf8)
        try #require(unit.contains("ExecStart=/usr/bin/refreshd "))
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("refreshd").path
        // A manual page that is not installed is no fault of the unit.
        try unit.replacingOccurrences(of: "ExecStart=/usr/bin/refreshd ", with: "ExecStart=\(program) ")
            .replacingOccurrences(of: "Documentation=man:refreshd(8)\n", with: "")
            .write(toFile: directory.file("refreshd.service"), atomically: true, encoding: .utf8)
        try FileManager.default.copyItem(
            atPath: repository.appendingPathComponent("systemd/refreshd.socket").path,
            toPath: directory.file("refreshd.socket"))
        let verdict = try run(
            analyzer,
            [
                "verify", "--recursive-errors=no", directory.file("refreshd.service"),
                directory.file("refreshd.socket"),
            ])
        #expect(verdict.status == 0)
        #expect(verdict.said.isEmpty, "\(verdict.said)")
    }

    /// systemd removes a runtime directory on every stop and restart unless it is told not to; workers are using this one.
    @Test func aStopLeavesTheDirectoryToTheWorkers() throws {
        let unit = try String(
            contentsOf: repository.appendingPathComponent("systemd/refreshd.service"), encoding: .utf8)
        let lines = unit.split(separator: "\n")
        #expect(lines.contains("RuntimeDirectory=refreshd") && lines.contains("RuntimeDirectoryPreserve=yes"))
    }

    /// In tenths: 15 is 1.5.
    @Test func theServiceIsExposedByNoMoreThanItNeeds() throws {
        let verdict = try run(
            analyzer,
            [
                "security", "--offline=true", "--no-pager", "--threshold=15",
                repository.appendingPathComponent("systemd/refreshd.service").path,
            ])
        #expect(verdict.status == 0, "\(verdict.said.suffix(200))")
    }

    /// What is forbidden fails, and the daemon says so; the default is to kill it.
    @Test func aForbiddenCallIsRefused() throws {
        let unit = try String(
            contentsOf: repository.appendingPathComponent("systemd/refreshd.service"), encoding: .utf8)
        #expect(unit.split(separator: "\n").contains("SystemCallErrorNumber=EPERM"))
    }

    @Test(arguments: [("/usr/bin/systemd-sysusers", "sysusers.d"), ("/usr/bin/systemd-tmpfiles", "tmpfiles.d")])
    func theUserAndTheDirectoryAreMade(program: String, folder: String) throws {
        let root = directory.file("root")
        try FileManager.default.createDirectory(atPath: root + "/etc", withIntermediateDirectories: true)
        try "root:x:0:0::/:/bin/sh\nrefreshd:x:990:990::/:/bin/false\n".write(
            toFile: root + "/etc/passwd", atomically: true, encoding: .utf8)
        try "root:x:0:\nrefreshd:x:990:\n".write(toFile: root + "/etc/group", atomically: true, encoding: .utf8)
        var arguments = ["--root=\(root)", repository.appendingPathComponent("systemd/\(folder)/refreshd.conf").path]
        if folder == "tmpfiles.d" { arguments.insert("--create", at: 0) }
        let verdict = try run(program, arguments)
        #expect(verdict.status == 0, "\(verdict.said)")
    }
}
