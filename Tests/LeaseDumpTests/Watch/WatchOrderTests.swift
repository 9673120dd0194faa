import LeaseTable
import Testing

@testable import LeaseReports
@testable import lease_dump

@Suite struct WatchOrderTests {
    /// Keys tell the rows; pids, ages and times left all fall in another order.
    private func rows() throws -> [LeaseRow] {
        try [
            row(5, held(30, age: .seconds(11))), row(2, held(10, age: .seconds(1))), damagedRow(1),
            row(4, ended(.success, 20, age: .seconds(28))), row(3, ended(.terminalFailure, 40, age: .seconds(2))),
        ]
    }

    @Test(arguments: [
        (WatchOrder.key, [1, 2, 3, 4, 5] as [UInt8]),
        (.state, [5, 2, 3, 4, 1]),
        (.holder, [2, 4, 5, 3, 1]),
        (.age, [4, 5, 3, 2, 1]),
        // 1 s, 2 s, 3 s and 11 s.
        (.timeLeft, [5, 4, 3, 2, 1]),
    ])
    func eachOrderAndItsReverse(order: WatchOrder, keys: [UInt8]) throws {
        #expect(try order.sorted(rows()).map { $0.key.bytes[0] } == keys)
        #expect(try order.sorted(rows(), isReversed: true).map { $0.key.bytes[0] } == keys.reversed())
    }

    @Test(arguments: WatchOrder.allCases)
    func equalsAreInTheOrderOfTheTable(order: WatchOrder) throws {
        let equal = try [3, 1, 4, 2].map { try row($0, held(7, age: .seconds(1))) }
        #expect(order.sorted(equal).map { $0.key.bytes[0] } == [1, 2, 3, 4])
        #expect(order.sorted(equal.reversed()) == order.sorted(equal))
    }

    @Test func eachHasAKeyOfItsOwnThatTheScreenNames() {
        #expect(Set(WatchOrder.allCases.map(\.rawValue)).count == WatchOrder.allCases.count)
        for order in WatchOrder.allCases { #expect(WatchFrame.keys.contains("\(order.rawValue) \(order.name)")) }
        #expect(WatchFrame.keys.contains("q quit") && WatchFrame.keys.contains("r reverse"))
    }
}
