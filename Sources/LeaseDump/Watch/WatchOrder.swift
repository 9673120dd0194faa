import LeaseReports
import LeaseTable
import ProcessSupport

/// By what the rows of the screen are ordered; the raw value is the key to press for it.
enum WatchOrder: Character, CaseIterable {
    case key = "k"
    case state = "s"
    case holder = "h"
    case age = "a"
    case timeLeft = "t"

    /// As the screen names it.
    var name: String {
        switch self {
        case .key: "key"
        case .state: "state"
        case .holder: "holder"
        case .age: "age"
        case .timeLeft: "time left"
        }
    }

    /// The rows in this order: keys and pids upwards, the oldest first, the least time left first; what is not known is
    /// last. Equals are in the order of the table, so that rows stay where they are from look to look.
    ///
    /// - Parameter isReversed: Whether to turn all of that round.
    func sorted(_ rows: [LeaseRow], isReversed: Bool = false) -> [LeaseRow] {
        let standard = LeaseRow.sorted(rows)
        let sorted: [LeaseRow] =
            switch self {
            case .state: standard
            case .key: standard.sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
            case .holder: Self.by(standard) { Int64($0.holder.pid) }
            case .age: Self.by(standard) { -$0.age.wholeNanoseconds }
            case .timeLeft: Self.by(standard) { $0.timeLeft.wholeNanoseconds }
            }
        return isReversed ? sorted.reversed() : sorted
    }

    private static func by(_ rows: [LeaseRow], _ rank: (LeaseRow.Content) -> Int64) -> [LeaseRow] {
        rows.enumerated().map { (rank: $0.element.content.map(rank) ?? .max, place: $0.offset, row: $0.element) }
            .sorted { ($0.rank, $0.place) < ($1.rank, $1.place) }
            .map(\.row)
    }
}
