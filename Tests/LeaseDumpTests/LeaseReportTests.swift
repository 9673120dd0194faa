import Foundation
import LeaseTable
import Testing

@testable import LeaseReports
@testable import lease_dump

@Suite struct LeaseReportTests {
    private func report(_ rows: [LeaseRow]) throws -> String {
        try LeaseReport(directory: .choose(named: "/a/b"), environment: environment, rows: rows).text()
    }

    @Test func everyFieldHasItsNameAndUnit() throws {
        let name = String(repeating: "ab", count: 16)
        #expect(
            try report([row(0x0a, held(101, age: .milliseconds(2500)), waiters: 4)]) == """
                {
                  "directory" : "/a/b",
                  "environment" : "\(name)",
                  "format" : 1,
                  "leases" : [
                    {
                      "age_ms" : 2500,
                      "attempt" : 1,
                      "claimed_age_ms" : 2500,
                      "generation" : {
                        "environment" : "\(name)",
                        "transaction" : 42
                      },
                      "holder" : {
                        "alive" : false,
                        "pid" : 101,
                        "start_time" : 7,
                        "uid" : 1000
                      },
                      "key" : "\(String(repeating: "0a", count: 32))",
                      "not_before_in_ms" : null,
                      "pipe" : "101.7.00000000000000ff",
                      "problem" : null,
                      "published_age_ms" : null,
                      "removable_in_ms" : 14500,
                      "short_key" : "0a0a0a0a0a0a",
                      "size_bytes" : 112,
                      "state" : "held",
                      "time_left_ms" : 9500,
                      "waiters" : 4
                    }
                  ],
                  "reason" : "named explicitly"
                }

                """)
    }

    @Test func aDamagedRecordHasEveryFieldToo() throws {
        let text = try report([damagedRow(1), row(2, ended(.success, age: .seconds(1)))])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let leases = try #require(object["leases"] as? [[String: Any]])
        #expect(Set(leases[0].keys) == Set(leases[1].keys))
        #expect(leases[0]["state"] as? String == "damaged")
        #expect(leases[0]["problem"] as? String == "the lease record is cut short at 3 bytes")
        #expect(leases[0]["generation"] is NSNull)
        #expect(leases[1]["published_age_ms"] as? Int == 1000)
    }

    @Test(arguments: [OutcomeKind.success, .terminalFailure, .transientFailure])
    func nothingSealedIsShown(kind: OutcomeKind) throws {
        let rows = try [row(1, ended(kind, age: .seconds(1)))]
        let hexadecimal = sealed.prefix(8).map { String($0, radix: 16) }.joined()
        for text in [try report(rows), LeaseText().render(rows)] {
            #expect(!text.contains("SEALED") && !text.contains("U0VBTEVE") && !text.contains(hexadecimal))
        }
    }
}
