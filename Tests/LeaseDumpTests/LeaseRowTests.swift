import LeaseTable
import ProcessSupport
import Testing

@testable import LeaseReports
@testable import lease_dump

@Suite struct LeaseRowTests {
    @Test func aHeldLeaseIsAsOldAsItsClaim() throws {
        let row = try row(
            1, held(101, age: .milliseconds(2500), attempt: 3, notBefore: now.advanced(by: .seconds(4))))
        let content = try #require(row.content)
        #expect(row.state == .held)
        #expect(row.size == 112)
        #expect(row.problem == nil)
        #expect(content.holder.pid == 101)
        #expect(!content.isHolderAlive)
        #expect(content.generation.transaction == 42)
        #expect(content.attempt == 3)
        #expect(content.age == .milliseconds(2500))
        #expect(content.claimedAge == .milliseconds(2500))
        #expect(content.publishedAge == nil)
        #expect(content.timeLeft == .seconds(16))
        #expect(content.notBeforeIn == .seconds(4))
        #expect(content.removableIn == .seconds(21))
        #expect(content.pipe?.fileName == "101.7.00000000000000ff")
    }

    @Test func aLeasePastItsEndHasLessThanNothingLeft() throws {
        let content = try #require(row(1, held(age: .seconds(15))).content)
        #expect(content.timeLeft == .seconds(-3))
        #expect(content.isHolderAlive)
    }

    @Test(arguments: [
        (OutcomeKind.success, LeaseRow.State.success, Duration.seconds(28)),
        (.terminalFailure, .failedTerminal, .seconds(3)),
        (.transientFailure, .failedTransient, .seconds(3)),
    ])
    func anOutcomeIsAsOldAsItsPublishing(kind: OutcomeKind, state: LeaseRow.State, left: Duration) throws {
        let row = try row(1, ended(kind, age: .seconds(2)))
        let content = try #require(row.content)
        #expect(row.state == state)
        #expect(content.age == .seconds(2))
        #expect(content.publishedAge == .seconds(2))
        #expect(content.claimedAge == .seconds(3))
        #expect(content.timeLeft == left)
        #expect(content.notBeforeIn == nil)
    }

    @Test func whatIsNewerThanTheMomentIsNew() throws {
        let content = try #require(row(1, held(age: .milliseconds(-1))).content)
        #expect(content.age == .zero)
    }

    @Test func damageIsARow() throws {
        let row = try damagedRow(1)
        #expect(row.state == .damaged)
        #expect(row.content == nil)
        #expect(row.size == 3)
        #expect(row.problem?.contains("3 bytes") == true)
    }

    @Test func theOrderIsByStateThenTheOldestFirst() throws {
        let rows = try [
            damagedRow(9), row(8, ended(.success, age: .seconds(2))), row(5, held(age: .seconds(1))),
            row(6, ended(.transientFailure, age: .seconds(1))), row(7, held(age: .seconds(3))),
            row(4, ended(.terminalFailure, age: .seconds(1))), row(3, ended(.success, age: .seconds(2))),
            row(2, ended(.success, age: .seconds(4))),
        ]
        #expect(LeaseRow.sorted(rows).map { $0.key.bytes[0] } == [7, 5, 4, 6, 2, 3, 8, 9])
    }
}
