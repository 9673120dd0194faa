import FleetCounters
import Foundation
import Glibc
import LeaseTable
import ProcessSupport
import TableTestSupport
import Testing

/// What the daemon does to a table, seen from another process.
@Suite(.timeLimit(.minutes(2))) struct HousekeepingTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func daemon(interval: String = "3600", _ arguments: [String] = []) throws -> Program {
        try Program(
            "refreshd",
            ["--directory", directory.path, "--sweep-interval", interval, "--log-level", "debug"] + arguments)
    }

    /// More records than one batch takes; the one round that there is removes all of them, and none that is alive.
    @Test func expiredRecordsGoInOneRound() throws {
        let table = try LeaseTable.open(directory.path) { $0.resultRetention = .milliseconds(500) }
        let held = try table.hold("held")
        for number in 0..<150 {
            _ = try table.publish(table.hold("token-\(number)"), result: [1, 2, 3], deadline: soon())
        }
        let count = try table.leases(deadline: soon()).count
        try #require(count > 100)
        #expect(
            try awaiting {
                try table.leases(deadline: soon()).allSatisfy { listed in
                    let record = try listed.record.get()
                    return record.state == .held || record.removableAt < .now()
                }
            })
        let daemon = try daemon()
        #expect(try awaiting { try table.leases(deadline: soon()).count == 1 })
        #expect(try table.leases(deadline: soon()).first?.key == held.key.recordKey)
        let line = try #require(daemon.errorLine(containing: "removed what nobody needs"))
        #expect(line.contains("records=\(count - 1)"), "\(line)")
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
    }

    /// What a killed worker counted goes to the total, and its slot is free.
    @Test func slotsOfDeadWorkersAreFolded() throws {
        let daemon = try daemon(interval: "0.05")
        #expect(daemon.errorLine(containing: "keeping the lease table") != nil)
        let table = try LeaseTable.open(directory.path)
        #expect(awaiting { (try? FleetSnapshot(of: table))?.slotsInUse == 1 })
        let worker = try Program("fleet-counter-worker", [directory.path])
        worker.send(line: "count 5")
        #expect(worker.outputLine() == "counted")
        #expect(try FleetSnapshot(of: table).slotsInUse == 2)
        worker.send(SIGKILL)
        _ = worker.finish()
        #expect(try awaiting { try FleetSnapshot(of: table).slotsInUse == 1 })
        #expect(try FleetSnapshot(of: table)[.claims] == 5)
        #expect(daemon.errorLine(containing: "removed what nobody needs")?.contains("counters=1") == true)
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
    }

    /// What expires while it runs goes in a later round.
    @Test func roundsRecur() throws {
        let daemon = try daemon(interval: "0.05")
        #expect(daemon.errorLine(containing: "keeping the lease table") != nil)
        let table = try LeaseTable.open(directory.path) { $0.resultRetention = .milliseconds(100) }
        for round in 0..<2 {
            _ = try table.publish(table.hold("token-\(round)"), result: [1], deadline: soon())
            #expect(try awaiting { try table.leases(deadline: soon()).isEmpty })
        }
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
    }

    @Test func orphanedPipesGoAndOthersStay() throws {
        _ = try LeaseTable.open(directory.path)
        let orphan = try pipe("4194303.1.000000000000000a", age: 3600)
        let young = try pipe("4194303.1.000000000000000b", age: 0)
        let owned = try pipe("4194303.1.000000000000000c", age: 3600)
        let foreign = try pipe("another", age: 3600)
        let writer = open(owned, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        try #require(writer >= 0)
        defer { close(writer) }
        let daemon = try daemon()
        let line = try #require(daemon.errorLine(containing: "removed what nobody needs"))
        #expect(line.contains("pipes=1"), "\(line)")
        #expect(
            [orphan, young, owned, foreign].map(FileManager.default.fileExists(atPath:)) == [false, true, true, true])
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
    }

    @Test func slotsOfKilledReadersAreFreed() throws {
        let reader = try Program("lease-holder", [directory.path])
        #expect(reader.outputLine() == "held")
        // Somebody stays in it, or the daemon would make the locks anew.
        let other = try Program("lease-holder", [directory.path])
        #expect(other.outputLine() == "held")
        reader.send(SIGKILL)
        _ = reader.finish()
        #expect(try readers().contains(reader.pid))
        let daemon = try daemon()
        let line = try #require(daemon.errorLine(containing: "removed what nobody needs"))
        #expect(line.contains("readers=1"), "\(line)")
        #expect(try !readers().contains(reader.pid))
        #expect(try readers().contains(other.pid))
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
        #expect(other.finish().status == 0)
    }

    @Test func aRemovedDirectoryIsMadeAnew() throws {
        let path = directory.file("table")
        let daemon = try Program("refreshd", ["--directory", path, "--sweep-interval", "0.05"])
        #expect(daemon.errorLine(containing: "keeping the lease table") != nil)
        try FileManager.default.removeItem(atPath: path)
        let line = try #require(daemon.errorLine(containing: "opened it anew"))
        #expect(line.contains(path))
        // The new one is the one it tidies.
        let table = try LeaseTable.open(path) { $0.resultRetention = .milliseconds(50) }
        #expect(line.contains("\(table.environmentID)"))
        _ = try table.publish(table.hold("token"), result: [1], deadline: soon())
        #expect(try awaiting { try table.leases(deadline: soon()).isEmpty })
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
    }

    private func pipe(_ name: String, age: Int) throws -> String {
        let path = directory.file("pipes/\(name)")
        try #require(mkfifo(path, 0o600) == 0)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        now.tv_sec -= age
        try #require(utimensat(AT_FDCWD, path, [now, now], 0) == 0)
        return path
    }

    /// The pids in the slots of LMDB's reader table: 64 bytes each from byte 128 on, the pid at byte 8. Read by another
    /// process, since closing the file would give up the locks of this one.
    private func readers() throws -> [Int32] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/cat")
        process.arguments = [directory.file("lock.mdb")]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        return stride(from: 128 + 8, to: bytes.count - 4, by: 64).map { offset in
            bytes[offset..<offset + 4].reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        }.filter { $0 != 0 }
    }
}
