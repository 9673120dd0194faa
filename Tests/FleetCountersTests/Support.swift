import Glibc
import LeaseTable
import ProcessSupport
import TableTestSupport
import Testing

@testable import FleetCounters

/// A table with its file of counters, as the test's own process has it.
struct Counted {
    let directory: TemporaryDirectory
    let table: LeaseTable

    init() throws {
        directory = try TemporaryDirectory()
        table = try LeaseTable.open(directory.path)
    }

    var path: String { directory.file("counters") }

    func file() throws -> CounterFile { try CounterFile.open(of: table, writable: true) }

    /// The file, made where it is missing.
    func madeFile() throws -> CounterFile {
        try CounterFile.make(for: table)
        return try file()
    }

    func snapshot() throws -> FleetSnapshot { try FleetSnapshot(of: table) }

    func worker() throws -> Program { try Program("fleet-counter-worker", [directory.path]) }

    /// Replaces what is there by these bytes.
    func replace(with bytes: [UInt8]) throws {
        unlink(path)
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        try #require(write(file, bytes, bytes.count) == bytes.count)
    }
}

/// A process that never was: its start is long before its pid's owner's.
func nobody(_ number: Int) -> SlotOwner { SlotOwner(word: UInt64(number + 1) << 22 | (1 << 22 - 1)) }

/// Takes a slot for somebody, with every counter and histogram word at `value`.
func fill(_ file: CounterFile, _ index: Int, _ owner: SlotOwner, value: UInt64) {
    let slot = file.slot(index)
    for word in 0..<CounterLayout.countedLength { slot.store(word, value) }
    file.owners.store(index, owner.word)
}

/// What every counter is, where they all are the same.
func common(_ snapshot: FleetSnapshot) -> UInt64? {
    let values = Set(FleetCounter.allCases.map { snapshot[$0] })
    return values.count == 1 ? values.first : nil
}
