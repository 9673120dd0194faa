import Foundation
import LeaseReports
import TableTestSupport
import Testing

@testable import LeaseTable
@testable import lease_dump

/// Which leases are shown, and in which form; on rows first, then by the command against a real table.
@Suite(.timeLimit(.minutes(2))) struct SelectionTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func dump(_ arguments: [String], input: String? = nil) throws -> Program.Ending {
        let program = try Program("lease-dump", ["--directory", directory.path] + arguments)
        if let input { program.send(line: input) }
        return program.finish()
    }

    @Test func everyConditionMustFit() throws {
        let old = try row(1, held(100, age: .seconds(10)))
        let young = try row(2, held(101, age: .seconds(1)))
        let won = try row(3, ended(.success, 100, age: .seconds(5)))
        let rows = [old, young, won, try damagedRow(4)]
        func keys(_ filter: LeaseFilter) -> [UInt8] { rows.filter(filter.includes).map { $0.key.bytes[0] } }
        #expect(keys(LeaseFilter()) == [1, 2, 3, 4])
        #expect(keys(LeaseFilter(states: [.held])) == [1, 2])
        #expect(keys(LeaseFilter(states: [.success, .damaged])) == [3, 4])
        #expect(keys(LeaseFilter(minimumAge: .seconds(5))) == [1, 3])
        #expect(keys(LeaseFilter(maximumAge: .seconds(5))) == [2, 3])
        #expect(keys(LeaseFilter(holder: 100)) == [1, 3])
        #expect(keys(LeaseFilter(states: [.held], minimumAge: .seconds(5), holder: 100)) == [1])
        #expect(keys(LeaseFilter(key: try recordKey(2))) == [2])
    }

    @Test func valuesAreSeparatedByCommas() throws {
        let text = LeaseCSV.text([try row(1, held(100, age: .seconds(2)), waiters: 5), try damagedRow(4)])
        let lines = text.components(separatedBy: "\r\n")
        #expect(lines.count == 4 && lines[3].isEmpty)
        let names = lines[0].components(separatedBy: ",")
        let values = lines[1].components(separatedBy: ",")
        try #require(names.count == values.count)
        let named = Dictionary(uniqueKeysWithValues: zip(names, values))
        #expect(named["state"] == "held" && named["holder_pid"] == "100" && named["holder_alive"] == "true")
        #expect(named["age_ms"] == "2000" && named["published_age_ms"] == "" && named["size_bytes"] == "112")
        #expect(named["waiters"] == "5" && lines[2].hasSuffix(",3,"))
        // The names of JSON, but for what has a place of its own there.
        let json = try LeaseReport(
            directory: .choose(named: "/a"), environment: environment, rows: [row(1, held(age: .seconds(1)))]
        )
        .text()
        for name in names where !name.hasPrefix("holder_") { #expect(json.contains("\"\(name)\""), "\(name)") }
        #expect(lines[2].hasPrefix(String(repeating: "04", count: 32) + ",damaged,"))
    }

    @Test func aRealTableInEveryForm() throws {
        let table = try LeaseTable.open(directory.path)
        let tenure = try table.hold("mine")
        _ = try table.publish(table.hold("won"), result: Array("sealed".utf8), deadline: soon())
        #expect(try dump(["--csv", "--state", "held"]).output.components(separatedBy: "\r\n").count == 3)
        #expect(try dump(["--json", "--state", "held"]).output.contains(tenure.key.recordKey.description))
        #expect(try !dump(["--json", "--min-age", "3600"]).output.contains("\"key\""))
        #expect(try dump(["--json", "--holder", "\(getpid())"]).output.contains("\"key\""))
        let statistics = try dump(["--stats"]).output.split(separator: "\n").map { $0.split(separator: " ") }
        let named = Dictionary(uniqueKeysWithValues: statistics.map { ($0[0], $0[1]) })
        #expect(named["leases"] == "2" && named["leases_held"] == "1" && named["leases_success"] == "1")
        #expect(named["held_by_the_dead"] == "0" && named["map_bytes"] == "1073741824")
        // Up to the last page that is in the file.
        let size = try FileManager.default.attributesOfItem(atPath: directory.file("data.mdb"))[.size] as? Int
        #expect(named["map_used_bytes"].flatMap { Int($0) } == size)
        #expect(try #require(named["pipes"].flatMap { Int($0) }) >= 1)
        #expect(try dump(["--csv", "--json"]).status == 64)
        #expect(try dump(["--state", "lost"]).status == 64)
        #expect(try dump(["--min-age", "-1"]).status == 64)
    }

    @Test func aTokenFindsItsLeaseAndIsNotShown() throws {
        let table = try LeaseTable.open(directory.path)
        let parts = KeyParts(
            endpoint: "https://api.workos.com/user_management/authenticate", clientID: "client_1",
            refreshToken: "the-token", organizationID: "org_1")
        let key = try KeyMaterial(parts)
        guard
            case .granted = try table.claim(key, as: Claim(), pipe: table.preparePipe(), deadline: soon())
        else { throw NotGranted() }
        _ = try table.hold("other")
        let arguments = ["--json", "--find", "--client-id", "client_1"]
        let found = try dump(arguments + ["--organization", "org_1"], input: "the-token")
        #expect(found.status == 0)
        #expect(found.output.contains(key.recordKey.description))
        #expect(found.output.components(separatedBy: "\"short_key\"").count == 2)
        #expect(!(found.output + found.errors).contains("the-token"))
        #expect(try dump(arguments, input: "the-token").status == 1)
        #expect(try dump(arguments + ["--organization", "org_1"], input: "another").status == 1)
        #expect(try dump(["--find"], input: "the-token").status == 64)
        #expect(try dump(arguments).status == 64)
    }
}
