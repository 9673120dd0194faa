import Testing

/// Records that somebody changed who can write in the directory, on pages that stay sound.
@Suite(.serialized) struct RecordTests {
    @Test func flippedBits() throws {
        var tally = Tally()
        let rounds = 12
        for round in 0..<rounds {
            let table = try Table()
            // Several in one table: each turns one bit of one record.
            for turn in 0..<12 { try Worker.tamper(table.path, ["flip", "\(round * 100 + turn)"]) }
            let worker = try Worker.run(table.path, prefix: "second", count: Table.results, deadline: 300)
            tally.add("round \(round)", worker, results: Table.results)
            // A record is no more than its own key's: the others' results stand.
            #expect(worker.count("first") >= Table.results - 12)
        }
        print("144 records with one bit turned: \(tally)")
        #expect(tally.broken.isEmpty, "\(tally.broken.joined(separator: "\n"))")
    }

    @Test func otherVersion() throws {
        let table = try Table()
        try Worker.tamper(table.path, ["version"])
        let worker = try Worker.run(table.path, prefix: "second", count: Table.results)
        #expect(worker.isClean && worker.count("second") == Table.results, "\(worker)")
    }

    /// Each opens with its own key only: nobody gets another session's tokens.
    @Test func swappedBetweenKeys() throws {
        let table = try Table()
        try Worker.tamper(table.path, ["swap"])
        let worker = try Worker.run(table.path, prefix: "second", count: Table.results)
        #expect(worker.isClean && worker.count("second") == Table.results, "\(worker)")
    }

    /// The same keys and the same secrets: still what another environment stored does not open here.
    @Test func fromAnotherEnvironment() throws {
        let table = try Table()
        let other = try Table()
        try Worker.tamper(table.path, ["from", other.path])
        let worker = try Worker.run(table.path, prefix: "second", count: Table.results)
        #expect(worker.isClean && worker.count("second") == Table.results, "\(worker)")
    }
}
