import LeaseTable
import TableTestSupport
import Testing

@testable import LeaseReports
@testable import lease_dump

@Suite struct WatchFrameTests {
    private func frame(_ columns: Int = 80, _ lines: Int = 24, isColoured: Bool = false) -> WatchFrame {
        WatchFrame(
            size: ScreenSize(columns: columns, lines: lines), isColoured: isColoured, directory: "/run/refreshd")
    }

    private func seen(_ rows: [LeaseRow]) -> Sighting { Sighting(time: "12:34:56", finding: .rows(rows)) }

    /// Held leases with keys from 1, the oldest first.
    private func rows(_ count: Int) throws -> [LeaseRow] {
        try (0..<count).map { try row(UInt8($0 + 1), held(Int32(100 + $0), age: .seconds(20 - $0))) }
    }

    @Test func aWholeScreen() throws {
        let rows = try self.rows(2) + [row(9, ended(.success, 7, age: .seconds(1)))]
        #expect(
            frame(96, 7).lines(seen(rows), WatchState()).map(\.text) == [
                "12:34:56  /run/refreshd  3 leases: 2 held, 1 success  by state",
                "KEY           STATE    GENERATION  HOLDER  LIVES     AGE    LEFT  ATTEMPT  WAITERS  BYTES",
                "010101010101  held             42     100  yes     20.0s   -8.0s        1        -    112",
                "020202020202  held             42     101  no      19.0s   -7.0s        1        -    112",
                "090909090909  success          42       7  no       1.0s   29.0s        1        -    112",
                "",
                WatchFrame.keys,
            ])
    }

    @Test func anEmptyTable() {
        let lines = frame(96, 4).lines(seen([]), WatchState()).map(\.text)
        #expect(lines[0] == "12:34:56  /run/refreshd  0 leases  by state")
        #expect(lines[1].hasPrefix("KEY  STATE"))
    }

    /// Times go on while the screen is shown: columns stay where they are.
    @Test func columnsKeepTheirPlaces() throws {
        let header = try [9, 10, 60].map { seconds in
            let lease = held(age: .seconds(seconds))
            return frame(96).lines(seen([try row(1, lease)]), WatchState())[1]
        }
        #expect(Set(header).count == 1)
        let young = try frame(96).lines(seen([row(1, held(age: .milliseconds(5)))]), WatchState())[1]
        #expect(young == header[0])
    }

    @Test func whatThereIsNoRoomForIsSaidAndScrolledTo() throws {
        let rows = try self.rows(12)
        var state = WatchState()
        let frame = frame(80, 8)
        #expect(frame.room == 5)
        func shown() -> [String] { frame.lines(seen(rows), state)[2..<7].map { String($0.text.prefix(2)) } }
        #expect(shown() == ["01", "02", "03", "04", "05"])
        #expect(frame.lines(seen(rows), state)[0].text.hasSuffix("by state  1-5 of 12"))
        #expect(state.press(.pageDown, room: frame.room, count: 12) == .redraw)
        #expect(shown() == ["06", "07", "08", "09", "0a"])
        #expect(state.press(.end, room: frame.room, count: 12) == .redraw)
        #expect(frame.lines(seen(rows), state)[0].text.hasSuffix("8-12 of 12"))
        #expect(state.press(.character("r"), room: frame.room, count: 12) == .redraw)
        #expect(state.press(.home, room: frame.room, count: 12) == .redraw)
        #expect(shown() == ["0c", "0b", "0a", "09", "08"])
        #expect(frame.lines(seen(rows), state)[0].text.contains("by state, reversed  1-5 of 12"))
    }

    @Test func aTableThatCannotBeReadIsSaid() {
        let problem = Sighting(
            time: "12:34:56", finding: .problem("/run/refreshd: there is no lease table here; is this the directory?")
        )
        let lines = frame(40, 6).lines(problem, WatchState()).map(\.text)
        #expect(lines.count == 6)
        #expect(lines[0] == "12:34:56  /run/refreshd")
        #expect(
            lines[1...3].joined(separator: " ")
                == "/run/refreshd: there is no lease table here; is this the directory?; looking again")
        #expect(lines[4].isEmpty)
        let coloured = frame(40, 6, isColoured: true).lines(problem, WatchState())
        #expect(coloured[1].text.hasPrefix("\u{1b}[31m") && coloured[1].text.hasSuffix("\u{1b}[0m"))
    }

    /// Every size down to nothing: as many lines as there are, none wider, and no line feed after the last.
    @Test(arguments: [1, 2, 3, 4, 5, 24], [1, 2, 10, 46, 79, 80, 200])
    func itFitsAnyScreen(lines: Int, columns: Int) throws {
        let rows = try self.rows(9) + [damagedRow(40)]
        let problem = Sighting(time: "1", finding: .problem(String(repeating: "word ", count: 300)))
        for isColoured in [false, true] {
            for sighting in [seen(rows), seen([]), problem] {
                let frame = frame(columns, lines, isColoured: isColoured)
                let shown = frame.lines(sighting, WatchState())
                #expect(shown.count == lines)
                #expect(shown.allSatisfy { $0.width <= columns })
                let screen = ScreenModel(columns: columns, lines: lines)
                screen.take(Array(frame.text(sighting, WatchState()).utf8))
                #expect(screen.unknown == [] && !screen.hasScrolled && !screen.hasWrapped)
                let plain = WatchFrame(size: frame.size, isColoured: false, directory: frame.directory)
                #expect(
                    screen.text
                        == plain.lines(sighting, WatchState()).map { line in
                            line.text + String(repeating: " ", count: columns - line.width)
                        })
            }
        }
    }

    /// What was there before is gone, wherever it stood, although nothing clears the screen.
    @Test func aFrameIsDrawnOverTheFormerOne() throws {
        let frame = frame(90, 10)
        let screen = ScreenModel(columns: 90, lines: 10)
        let first = try frame.text(seen(rows(7)), WatchState())
        screen.take(Array(String(repeating: "x", count: 900).utf8))
        screen.take(Array(first.utf8))
        screen.take(Array(frame.text(seen([]), WatchState()).utf8))
        let fresh = ScreenModel(columns: 90, lines: 10)
        fresh.take(Array(frame.text(seen([]), WatchState()).utf8))
        #expect(screen.text == fresh.text)
        #expect(!first.contains("\u{1b}[2J") && !first.contains("\u{1b}[J"))
        #expect(first.hasPrefix("\u{1b}[?2026h\u{1b}[H") && first.hasSuffix("\u{1b}[?2026l"))
    }

    @Test func aDirectorysNameCannotSteerTheTerminal() {
        let frame = WatchFrame(size: ScreenSize(columns: 80, lines: 5), directory: "/tmp/\u{1b}[2J\n\u{9b}31m")
        let text = frame.lines(seen([]), WatchState())[0].text
        #expect(text.hasPrefix("12:34:56  /tmp/?[2J??31m  0 leases"))
    }

    @Test func coloursAreOnlyThereWhereTheyAreWanted() throws {
        let rows = try self.rows(2)
        #expect(!frame().lines(seen(rows), WatchState()).contains { $0.text.contains("\u{1b}") })
        #expect(
            frame(isColoured: true).lines(seen(rows), WatchState()).contains { $0.text.contains("\u{1b}[33mheld") })
    }
}
