import Foundation
import Glibc
import LMDB
import LeaseTable
import ProcessSupport
import SeededRandom
import TableTestSupport
import Testing

@testable import FleetCounters

/// Files that are not as they should be: replaced where they are nobody's, left alone otherwise, and never more than that.
@Suite(.timeLimit(.minutes(1))) struct CounterFileTests {
    private let counted: Counted

    init() throws {
        counted = try Counted()
    }

    private func slot() throws -> FleetSlot { try FleetCounters.slot(in: counted.table, deadline: soon()) }

    private func header(_ change: (CounterFile) -> Void) throws {
        change(try counted.madeFile())
    }

    @Test func itIsMadeWholeAndPrivate() throws {
        #expect(throws: CounterFileError.self) { try counted.snapshot() }
        #expect(try !counted.directory.listing().contains { $0.hasPrefix("counters") })
        _ = try slot()
        var status = stat()
        #expect(stat(counted.path, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600)
        #expect(status.st_size == CounterLayout.byteCount)
        // Every block is there: nothing that is counted later can lack one.
        #expect(status.st_blocks * 512 >= CounterLayout.byteCount)
        #expect(try counted.directory.listing().filter { $0.hasPrefix("counters") }.count == 1)
    }

    @Test(arguments: [0, 1, 4096, CounterLayout.byteCount - 1, CounterLayout.byteCount + 1])
    func anotherSizeIsReplaced(size: Int) throws {
        try counted.replace(with: [UInt8](repeating: 1, count: size))
        #expect(throws: CounterFileError.self) { try counted.snapshot() }
        try slot().count(.hits)
        #expect(try counted.snapshot()[.hits] == 1)
    }

    @Test func randomBytesAreReplaced() throws {
        var generator = SeededGenerator(seed: 11)
        let bytes = (0..<CounterLayout.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        try counted.replace(with: bytes)
        #expect(throws: CounterFileError.self) { try counted.snapshot() }
        try slot().count(.hits)
        #expect(try counted.snapshot()[.hits] == 1)
    }

    /// With the right header before them: nothing but the numbers is wrong.
    @Test func randomBytesBehindTheHeaderHarmNobody() throws {
        var generator = SeededGenerator(seed: 12)
        let file = try counted.madeFile()
        for word in CounterLayout.foldingWord..<CounterLayout.wordCount { file.words.store(word, generator.next()) }
        _ = try counted.snapshot()
        try slot().count(.hits)
        let before = try counted.snapshot()[.hits]
        try slot().count(.hits)
        #expect(try counted.snapshot()[.hits] == before &+ 1)
    }

    @Test func aFileOfAnEnvironmentThatIsGoneIsReplaced() throws {
        try header { $0.words.add(CounterLayout.environmentWord, 1) }
        let old = try FileManager.default.attributesOfItem(atPath: counted.path)[.systemFileNumber] as? Int
        try slot().count(.hits)
        #expect(try counted.snapshot()[.hits] == 1)
        let new = try FileManager.default.attributesOfItem(atPath: counted.path)[.systemFileNumber] as? Int
        #expect(old != new)
    }

    /// Workers of another version count there: theirs is left alone.
    @Test func anotherVersionIsLeftAlone() throws {
        try header { $0.words.store(CounterLayout.versionWord, 99) }
        let before = try counted.directory.listing()
        let error = #expect(throws: CounterFileError.self) { try slot() }
        #expect(error?.description.contains("format 99") == true)
        #expect(throws: CounterFileError.self) { try counted.snapshot() }
        #expect(try counted.directory.listing() == before)
    }

    @Test(arguments: ["link", "pipe", "directory", "unreadable"])
    func whatIsNoFileOfOursIsLeftAlone(kind: String) throws {
        let elsewhere = counted.directory.file("elsewhere")
        switch kind {
        case "link":
            try Data("mine".utf8).write(to: URL(fileURLWithPath: elsewhere))
            #expect(symlink(elsewhere, counted.path) == 0)
        case "pipe": #expect(mkfifo(counted.path, 0o600) == 0)
        case "directory": #expect(mkdir(counted.path, 0o700) == 0)
        default:
            // Root reads what it likes.
            if geteuid() == 0 { return }
            try counted.replace(with: [])
            chmod(counted.path, 0)
        }
        let before = try counted.directory.listing()
        #expect(throws: CounterFileError.self) { try slot() }
        #expect(throws: CounterFileError.self) { try counted.snapshot() }
        #expect(try counted.directory.listing() == before)
        if kind == "link" { #expect(try String(contentsOfFile: elsewhere, encoding: .utf8) == "mine") }
    }

    /// Results come first: they need some MiB at the most.
    @Test(arguments: [(Int64(-1), true), (0, false), (8 << 20, false), (16 << 20, true)])
    func aSmallFileSystemIsLeftToResults(free: Int64, isAffordable: Bool) {
        #expect(CounterFile.isAffordable(free: free) == isAffordable)
    }

    /// A look needs no more than reading, and takes no slot.
    @Test func aLookChangesNothing() throws {
        try slot().count(.hits)
        let before = try Data(contentsOf: URL(fileURLWithPath: counted.path))
        chmod(counted.path, 0o400)
        #expect(try counted.snapshot()[.hits] == 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: counted.path)) == before)
    }

    /// The write lock is somebody else's: counting is put off, and nobody waits longer than it was told.
    @Test func aLockThatIsHeldIsNotWaitedForLong() throws {
        let entered = DispatchSemaphore(value: 0)
        let leave = DispatchSemaphore(value: 0)
        let table = counted.table
        try LibraryThread.start {
            try? table.environment.write(until: soon()) { _ throws(EnvironmentError) in
                entered.signal()
                leave.wait()
                return .abort(())
            }
        }
        entered.wait()
        defer { leave.signal() }
        let began = MonotonicInstant.now()
        let error = #expect(throws: CounterFileError.self) {
            try FleetCounters.slot(in: table, deadline: began.advanced(by: .milliseconds(20)))
        }
        guard case .busy = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(began.duration(to: .now()) < .seconds(2))
    }
}
