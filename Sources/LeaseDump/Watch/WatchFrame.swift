import LeaseReports

/// What one look at the table found.
struct Sighting: Equatable {
    /// The leases, or why there is nothing to be seen, in words.
    enum Finding: Equatable {
        case rows([LeaseRow])
        case problem(String)
    }

    /// When, as a clock on the wall shows it.
    var time: String
    var finding: Finding

    var rows: [LeaseRow] {
        if case .rows(let rows) = finding { rows } else { [] }
    }
}

/// A terminal's columns and lines.
struct ScreenSize: Hashable {
    var columns: Int
    var lines: Int
}

/// The whole screen at one moment, as a pure function of what was seen, what the user has chosen, and the room there is.
///
/// From the top: what is watched and how; the table; and in the last line the keys.
struct WatchFrame {
    static let keys =
        "q quit  k key  s state  h holder  a age  t time left  r reverse  arrows scroll"

    let size: ScreenSize
    var isColoured = false
    /// The table's directory.
    let directory: String

    /// How many leases there is room for.
    var room: Int { max(0, size.lines - 3) }

    /// Its lines, exactly as many as the terminal has, none wider than that.
    func lines(_ sighting: Sighting, _ state: WatchState) -> [ScreenLine] {
        var lines = [title(sighting, state)]
        switch sighting.finding {
        case .rows(let rows): lines += table(rows, state)
        case .problem(let problem):
            let shown = ScreenLine.wrapped("\(problem); looking again", to: size.columns)
            lines += isColoured ? shown.map { $0.rendered(Colour.red.rawValue) } : shown
        }
        lines = Array(lines.prefix(max(1, size.lines - 1)))
        while lines.count < size.lines - 1 { lines.append(ScreenLine(plain: "")) }
        if size.lines > 1 { lines.append(ScreenLine(plain: Self.keys)) }
        return lines.map { $0.cut(to: size.columns) }
    }

    /// What to write to the terminal, all at once: every line over the former one, and nothing cleared before.
    ///
    /// Between the marks of mode 2026 terminals that know it show nothing half drawn; the others do not mind.
    func text(_ sighting: Sighting, _ state: WatchState) -> String {
        let lines = lines(sighting, state).map { line in
            // In a full line the cursor stands on the last character, which would be erased.
            line.text + (line.width < size.columns ? "\u{1b}[K" : "")
        }
        return "\u{1b}[?2026h\u{1b}[H" + lines.joined(separator: "\r\n") + "\u{1b}[?2026l"
    }

    private func title(_ sighting: Sighting, _ state: WatchState) -> ScreenLine {
        var title = "\(sighting.time)  \(directory)"
        if case .rows(let rows) = sighting.finding {
            title += "  \(rows.count) lease\(rows.count == 1 ? "" : "s")"
            let counts = LeaseRow.State.allCases.map { state in (state, rows.count { $0.state == state }) }
            let known = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }
            if !known.isEmpty { title += ": " + known.joined(separator: ", ") }
            title += "  by \(state.order.name)\(state.isReversed ? ", reversed" : "")"
            if rows.count > room, room > 0 {
                title += "  \(state.skipped + 1)-\(min(rows.count, state.skipped + room)) of \(rows.count)"
            }
        }
        return ScreenLine(plain: title)
    }

    private func table(_ rows: [LeaseRow], _ state: WatchState) -> [ScreenLine] {
        let shown = state.order.sorted(rows, isReversed: state.isReversed).dropFirst(state.skipped).prefix(room)
        return LeaseText(isColoured: isColoured, isSteady: true, width: size.columns).render(Array(shown))
            .split(separator: "\n").map { ScreenLine(coloured: String($0)) }
    }
}
