import Foundation
import Glibc
import LMDB
import ProcessSupport
import TableTestSupport
import Testing

@testable import LeaseTable

/// The command as a process, against tables that the library made.
@Suite(.timeLimit(.minutes(2))) struct LeaseDumpCommandTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func dump(_ arguments: [String] = []) throws -> Program.Ending {
        try Program.run("lease-dump", ["--directory", directory.path] + arguments)
    }

    /// The leases of `--json`, by their keys.
    private func leases() throws -> [String: [String: Any]] {
        let ran = try dump(["--json"])
        try #require(ran.status == 0, "\(ran.errors)")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(ran.output.utf8)) as? [String: Any])
        #expect(object["directory"] as? String == directory.path)
        let list = try #require(object["leases"] as? [[String: Any]])
        return Dictionary(uniqueKeysWithValues: list.map { ($0["key"] as? String ?? "", $0) })
    }

    @Test func everyStateOfARealTable() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.publish(table.hold("won"), result: Array("result-of-won".utf8), deadline: soon())
        _ = try table.fail(
            table.hold("dead"), kind: .terminalFailure, failure: [1], notBefore: nil, deadline: soon())
        _ = try table.fail(
            table.hold("busy"), kind: .transientFailure, failure: [1],
            notBefore: BootInstant.now().advanced(by: .seconds(60)), deadline: soon())
        let tenure = try table.hold("mine")
        let found = try leases()
        #expect(found.count == 4)
        func lease(_ token: String) throws -> [String: Any] {
            try #require(found[try key(token).recordKey.description])
        }
        #expect(try lease("won")["state"] as? String == "success")
        #expect(try lease("dead")["state"] as? String == "failed_terminal")
        #expect(try lease("busy")["state"] as? String == "failed_transient")
        #expect(try #require(lease("busy")["not_before_in_ms"] as? Int) > 30_000)
        let mine = try lease("mine")
        #expect(mine["state"] as? String == "held")
        let holder = try #require(mine["holder"] as? [String: Any])
        #expect(holder["pid"] as? Int == Int(getpid()))
        #expect(holder["alive"] as? Bool == true)
        let generation = try #require(mine["generation"] as? [String: Any])
        #expect(generation["environment"] as? String == "\(table.environmentID)")
        #expect(generation["transaction"] as? UInt64 == tenure.generation.transaction)
        #expect(mine["attempt"] as? Int == 1)
        #expect(try #require(mine["time_left_ms"] as? Int) > 0)
    }

    @Test func aKilledHolderIsSeenToBeGoneAndItsSuccessorIsTheNextAttempt() throws {
        let holder = try Program("lease-holder", [directory.path, "token"])
        #expect(holder.outputLine() == "held")
        let name = try key("token").recordKey.description
        var lease = try #require(try leases()[name])
        #expect((lease["holder"] as? [String: Any])?["pid"] as? Int == Int(holder.pid))
        #expect((lease["holder"] as? [String: Any])?["alive"] as? Bool == true)
        holder.send(SIGKILL)
        #expect(holder.finish().status == -SIGKILL)
        lease = try #require(try leases()[name])
        #expect(lease["state"] as? String == "held")
        #expect((lease["holder"] as? [String: Any])?["alive"] as? Bool == false)
        let text = try dump()
        #expect(text.output.contains("held"))
        // A pipe is no terminal.
        #expect(!text.output.contains("\u{1b}"))
        #expect(text.errors == "lease-dump: table in \(directory.path) (named explicitly)\n")

        let table = try LeaseTable.open(directory.path)
        guard case .join(let generation, _, _, _, _) = try table.look(at: key("token"), as: Claim(), deadline: soon())
        else { throw NotGranted() }
        let tenure = try table.hold("token", hungUp: generation)
        lease = try #require(try leases()[name])
        #expect(lease["attempt"] as? Int == 2)
        try table.abandon(tenure, deadline: soon())
    }

    @Test func damageIsShown() throws {
        let table = try LeaseTable.open(directory.path)
        let key = try key("token").recordKey
        try table.environment.write(until: soon()) { transaction throws(EnvironmentError) in
            try transaction.put(TableKeys.lease(key), [1, 2, 3])
            return .commit(())
        }
        let lease = try #require(try leases()[key.description])
        #expect(lease["state"] as? String == "damaged")
        #expect(lease["size_bytes"] as? Int == 3)
        #expect(try dump().output.contains("PROBLEM"))
    }

    @Test func nothingIsMadeOrChanged() throws {
        let holder = try Program("lease-holder", [directory.path, "token"])
        #expect(holder.outputLine() == "held")
        let before = try directory.listing()
        #expect(before.count == 7)
        #expect(try dump().status == 0)
        #expect(try directory.listing() == before)
        holder.send(SIGKILL)
        _ = holder.finish()
        // Now nobody has it open, and a worker that came would make its locks anew.
        #expect(try dump().status == 0)
        #expect(try directory.listing() == before)
    }

    /// Writers go on while the table is read, and every look succeeds.
    @Test func workersAreNotDisturbed() throws {
        let table = try LeaseTable.open(directory.path)
        let held = try table.hold("held")
        let program = try Program("lease-dump", ["--directory", directory.path, "--json"])
        var cycles = 0
        // Until its answer is there, or would be too long for a pipe that nobody reads from yet.
        while !program.hasEnded, cycles < 50 {
            let tenure = try table.hold("token-\(cycles)")
            _ = try table.publish(tenure, result: Array("result".utf8), deadline: soon())
            cycles += 1
        }
        let ran = program.finish()
        #expect(ran.status == 0, "\(ran.errors)")
        #expect(ran.output.contains(held.key.recordKey.description))
        #expect(cycles > 0)
    }

    @Test func noTableIsAnErrorAndStaysNone() throws {
        let empty = try dump()
        #expect(empty.status == 66)
        #expect(empty.output.isEmpty)
        #expect(empty.errors.contains("there is no lease table here"))
        #expect(try directory.listing().isEmpty)
        let missing = try Program.run("lease-dump", ["--directory", directory.file("missing/below")])
        #expect(missing.status == 66)
        #expect(try directory.listing().isEmpty)
    }

    @Test func anUnusableTableSaysWhatIsWrong() throws {
        _ = try LeaseTable.open(directory.path)
        chmod(directory.path, 0o777)
        let open = try dump()
        #expect(open.status == 69)
        #expect(open.errors.contains("lets every user write"))
        chmod(directory.path, 0o700)
        // The format version, at byte 8 of the guard.
        let guardFile = try FileHandle(forUpdating: URL(fileURLWithPath: directory.file("guard")))
        try guardFile.seek(toOffset: 8)
        try guardFile.write(contentsOf: Data([99, 0, 0, 0]))
        let other = try dump()
        #expect(other.status == 69)
        #expect(other.errors.contains("format 99"))
    }

    @Test func anotherProcessInTheWayIsATimeout() throws {
        _ = try LeaseTable.open(directory.path)
        let lock = directory.lock("open.lock")
        try #require(lock >= 0)
        defer { close(lock) }
        let ran = try dump(["--timeout", "0.1"])
        #expect(ran.status == 75)
        #expect(ran.errors.contains("timed out"))
    }

    @Test(arguments: [["--timeout", "0"], ["--timeout", "nan"], ["--directory", ""], ["--nope"], ["extra"]])
    func aWrongCommandLine(arguments: [String]) throws {
        let ran = try Program.run("lease-dump", arguments)
        #expect(ran.status == 64)
        #expect(ran.output.isEmpty)
    }

    @Test func theDirectoryIsFoundByItsVariable() throws {
        _ = try LeaseTable.open(directory.path)
        let ran = try Program.run("lease-dump", [], environment: ["REFRESHD_DIRECTORY": directory.path])
        #expect(ran.status == 0)
        #expect(ran.errors == "lease-dump: table in \(directory.path) (from REFRESHD_DIRECTORY)\n")
    }

    @Test func anAnswerThatCannotBeWrittenIsAnError() throws {
        _ = try LeaseTable.open(directory.path)
        let full = try Program(
            "lease-dump", ["--directory", directory.path], output: FileHandle(forWritingAtPath: "/dev/full"))
        #expect(full.finish().status == 74)
    }

    @Test func helpShowsExamplesAndExitCodes() throws {
        let ran = try Program.run("lease-dump", ["--help"])
        #expect(ran.status == 0)
        for text in ["EXAMPLES", "\n    lease-dump --json |\n", "\n  66  there is no table", "--timeout <seconds>"] {
            #expect(ran.output.contains(text), "\(text)")
        }
    }
}
