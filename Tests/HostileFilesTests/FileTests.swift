import Foundation
import SeededRandom
import TableTestSupport
import Testing

/// Files of a table that nobody uses, damaged in every way that a seed can think of: what follows is what was stored,
/// a fresh start or an error, in time, and never a wrong token or a crash.
@Suite(.serialized) struct FileTests {
    /// More of every random case, for nights.
    private static let factor =
        ProcessInfo.processInfo.environment["REFRESHD_LONG_TESTS"] == "1" ? 20 : 1

    /// Runs one case after another, each on a table that is as good as new.
    private func run(
        _ what: String, _ cases: some Sequence<(name: String, damage: (Table) throws -> Void)>
    ) throws -> Tally {
        var tally = Tally()
        var table = try Table()
        var identities = try table.identities()
        for (name, damage) in cases {
            if try !table.restore(identities: identities) {
                table = try Table()
                identities = try table.identities()
            }
            try damage(table)
            let worker = try Worker.run(table.path, prefix: "second", count: Table.results, extra: 3)
            tally.add(name, worker, results: Table.results)
        }
        print("\(what): \(tally)")
        #expect(tally.broken.isEmpty, "\(tally.broken.joined(separator: "\n"))")
        return tally
    }

    private func flips(
        of name: String, count: Int, seed: UInt64, within limit: Int = .max
    ) -> some Sequence<(name: String, damage: (Table) throws -> Void)> {
        (0..<count * Self.factor).lazy.map { number in
            (
                "\(name), flip \(number) of seed \(seed)",
                { table in
                    var random = SeededGenerator(seed: seed &+ UInt64(number))
                    guard var bytes = table.content[name] else { throw Problem("\(name) is missing") }
                    // Half of them where pages have their headers and pointers.
                    let page = Int.random(in: 0..<max(1, min(bytes.count, limit) / 4096), using: &random) * 4096
                    let span = Bool.random(using: &random) ? 64 : 4096
                    let bit = Int.random(in: 0..<(min(span, bytes.count, limit) * 8), using: &random)
                    bytes[page + bit / 8] ^= 1 << (bit % 8)
                    try table.write(name, bytes)
                }
            )
        }
    }

    @Test func undamaged() throws {
        let tally = try run("undamaged", [("nothing", { _ in })])
        #expect(tally.kept == 1)
    }

    @Test func truncatedData() throws {
        let size = try Table().content["data.mdb"]?.count ?? 0
        var random = SeededGenerator(seed: 1)
        var lengths = [0, 1, 16, 100, 4095, 4096, 4097, 8191, 8192, 8193, 12_288, size - 1, size - 4096]
        for _ in 0..<40 * Self.factor { lengths.append(Int.random(in: 0..<size, using: &random)) }
        let tally = try run(
            "data.mdb cut short",
            lengths.map { length in
                (
                    "\(length) bytes",
                    { table in try table.write("data.mdb", Array(table.content["data.mdb"]?.prefix(length) ?? [])) }
                )
            })
        #expect(tally.refused == 0)
    }

    @Test func flippedData() throws {
        let tally = try run("data.mdb with one bit turned", flips(of: "data.mdb", count: 300, seed: 1000))
        #expect(tally.refused == 0 && tally.kept > 0 && tally.anew > 0)
    }

    @Test func flippedMetaPages() throws {
        let tally = try run(
            "data.mdb with one bit of a meta page turned", flips(of: "data.mdb", count: 80, seed: 5000, within: 8192))
        #expect(tally.refused == 0)
    }

    @Test func flippedLockFile() throws {
        let tally = try run("lock.mdb with one bit turned", flips(of: "lock.mdb", count: 60, seed: 2000))
        #expect(tally.kept == tally.cases)
    }

    @Test func flippedGuard() throws {
        _ = try run("guard with one bit turned", flips(of: "guard", count: 120, seed: 3000, within: 168))
    }

    @Test func rubbish() throws {
        var random = SeededGenerator(seed: 4000)
        let cases = Table.names.flatMap { name in
            [0, 1, 4096, 8192, 65_536].map { length in
                let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                return ("\(name) of \(length) random bytes", { (table: Table) in try table.write(name, bytes) })
            }
        }
        _ = try run("rubbish in place of a file", cases)
    }

    @Test func otherVersionOfData() throws {
        let tally = try run(
            "data.mdb of another version of LMDB",
            [
                (
                    "version 2",
                    { table in
                        var bytes = table.content["data.mdb"] ?? []
                        bytes[20] = 2
                        bytes[4096 + 20] = 2
                        try table.write("data.mdb", bytes)
                    }
                )
            ])
        #expect(tally.anew == 1)
    }

    @Test func otherLayoutOfTheLockFile() throws {
        let tally = try run(
            "lock.mdb of another layout",
            [4, 8, 12, 16].map { offset in
                (
                    "byte \(offset)",
                    { table in
                        var bytes = table.content["lock.mdb"] ?? []
                        bytes[offset] ^= 0xff
                        try table.write("lock.mdb", bytes)
                    }
                )
            })
        #expect(tally.kept == tally.cases)
    }

    @Test func otherVersionOfTheGuard() throws {
        let tally = try run(
            "guard of another version",
            [
                (
                    "version 2",
                    { table in
                        var bytes = table.content["guard"] ?? []
                        bytes[8] = 2
                        try table.write("guard", bytes)
                    }
                )
            ])
        #expect(tally.refused == 1)
    }
}
