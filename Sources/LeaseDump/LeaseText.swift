import LeaseReports
import LeaseTable

/// Leases as an aligned table under a header.
struct LeaseText {
    /// Whether to colour what an operator looks for.
    var isColoured = false
    /// Whether columns keep their widths while times go on: for a screen that is drawn again and again.
    var isSteady = false
    /// Characters in a line; `nil` for as many as it takes.
    var width: Int?

    private struct Cell {
        var text: String
        var colour: Colour?
    }

    private struct Column {
        let title: String
        var isNumber = false
        /// Characters it has at the least where the table is to be steady.
        var steadyWidth = 0
        let cell: @Sendable (LeaseRow) -> Cell
    }

    private static let gap = "  "
    /// What a problem is shown with at the least; where lines are shorter, other columns go first.
    private static let shortestProblem = 24

    /// The table, every line with its end.
    func render(_ rows: [LeaseRow]) -> String {
        let hasProblems = rows.contains { $0.problem != nil }
        let columns = fitting(Self.columns, to: rows, reserving: hasProblems ? Self.shortestProblem : 0)
        let widths = columns.map { characters(of: $0, rows) }
        let header = columns.map { Cell(text: $0.title) }
        var text = line(header, columns, widths, problem: hasProblems ? "PROBLEM" : nil)
        for row in rows { text += line(columns.map { $0.cell(row) }, columns, widths, problem: row.problem) }
        return text
    }

    private static let columns: [Column] = [
        Column(title: "KEY") { Cell(text: $0.key.shortDescription) },
        Column(title: "STATE") { Cell(text: $0.state.rawValue, colour: $0.state.colour) },
        Column(title: "GENERATION", isNumber: true) { known($0) { Cell(text: "\($0.generation.transaction)") } },
        Column(title: "HOLDER", isNumber: true) { known($0) { Cell(text: "\($0.holder.pid)") } },
        Column(title: "LIVES") { row in
            known(row) { content in
                // Only a lease that is still held needs its holder.
                let isLost = row.state == .held && !content.isHolderAlive
                return Cell(text: content.isHolderAlive ? "yes" : "no", colour: isLost ? .red : nil)
            }
        },
        Column(title: "AGE", isNumber: true, steadyWidth: 6) { known($0) { Cell(text: $0.age.brief) } },
        Column(title: "LEFT", isNumber: true, steadyWidth: 6) { row in
            known(row) {
                Cell(text: $0.timeLeft.brief, colour: row.state == .held && $0.timeLeft < .zero ? .red : nil)
            }
        },
        Column(title: "ATTEMPT", isNumber: true) { row in
            known(row) { Cell(text: "\($0.attempt)", colour: $0.attempt > 1 ? .yellow : nil) }
        },
        Column(title: "WAITERS", isNumber: true) { Cell(text: $0.waiters.map { "\($0)" } ?? "-") },
        Column(title: "BYTES", isNumber: true) { Cell(text: "\($0.size)") },
    ]

    /// Which columns go where lines are short, the first first.
    private static let dispensable = ["BYTES", "GENERATION", "ATTEMPT", "AGE"]

    private static func known(_ row: LeaseRow, _ cell: (LeaseRow.Content) -> Cell) -> Cell {
        row.content.map(cell) ?? Cell(text: "-")
    }

    private func characters(of column: Column, _ rows: [LeaseRow]) -> Int {
        let least = max(column.title.count, isSteady ? column.steadyWidth : 0)
        return rows.reduce(least) { max($0, column.cell($1).text.count) }
    }

    private func fitting(_ all: [Column], to rows: [LeaseRow], reserving reserve: Int) -> [Column] {
        var columns = all
        guard let width else { return columns }
        for title in Self.dispensable {
            let needed = columns.reduce(reserve) { $0 + characters(of: $1, rows) + Self.gap.count }
            // After the last column there is a gap only if something follows.
            if needed - (reserve == 0 ? Self.gap.count : 0) <= width { break }
            columns.removeAll { $0.title == title }
        }
        return columns
    }

    private func line(_ cells: [Cell], _ columns: [Column], _ widths: [Int], problem: String?) -> String {
        var pieces: [String] = []
        var used = 0
        for (index, cell) in cells.enumerated() {
            let fill = String(repeating: " ", count: widths[index] - cell.text.count)
            // Colour codes take no room on the screen: they go around the text after it was measured.
            let shown = isColoured ? cell.colour?.around(cell.text) ?? cell.text : cell.text
            // No blanks at the end of a line.
            let isLast = index == cells.count - 1 && problem == nil
            pieces.append(columns[index].isNumber ? fill + shown : isLast ? shown : shown + fill)
            used += widths[index] + Self.gap.count
        }
        if let problem {
            let room = width.map { max(Self.shortestProblem, $0 - used) } ?? .max
            pieces.append(problem.count <= room ? problem : problem.prefix(room - 1) + "…")
        }
        return pieces.joined(separator: Self.gap) + "\n"
    }
}

extension LeaseRow.State {
    fileprivate var colour: Colour? {
        switch self {
        case .held: .yellow
        case .success: .green
        case .failedTransient: .magenta
        case .failedTerminal, .damaged: .red
        }
    }
}

/// A foreground colour (ECMA-48 section 8.3.117, SGR).
enum Colour: Int {
    case red = 31
    case green = 32
    case yellow = 33
    case magenta = 35

    func around(_ text: String) -> String { "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" }
}
