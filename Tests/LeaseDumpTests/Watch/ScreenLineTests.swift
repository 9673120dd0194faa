import Testing

@testable import lease_dump

@Suite struct ScreenLineTests {
    @Test(arguments: [
        ("abc", 4, "abc"), ("abc", 3, "abc"), ("abc", 2, "a…"), ("abc", 1, "…"), ("abc", 0, ""), ("", 0, ""),
    ])
    func aLineIsCutWhereTheScreenEnds(text: String, columns: Int, shown: String) {
        let line = ScreenLine(plain: text).cut(to: columns)
        #expect(line.text == shown && line.width == shown.count)
    }

    @Test func coloursTakeNoRoomAndAreEnded() {
        let line = ScreenLine(coloured: "ab\u{1b}[31mcde\u{1b}[0mfg")
        #expect(line.width == 7)
        #expect(line.cut(to: 7) == line)
        #expect(line.cut(to: 6).text == "ab\u{1b}[31mcde\u{1b}[0m…")
        #expect(line.cut(to: 4).text == "ab\u{1b}[31mc\u{1b}[0m…")
        #expect(line.cut(to: 2).text == "a…")
        for columns in 0...8 { #expect(line.cut(to: columns).width == min(columns, 7)) }
    }

    @Test func nothingInAPlainLineSteersTheTerminal() {
        let line = ScreenLine(plain: "/tmp/\u{1b}[2J\u{7}\n\r\t\u{9b}2J\u{202e}é")
        #expect(line.text == "/tmp/?[2J?????2J?é")
        #expect(!line.text.unicodeScalars.contains { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) })
    }

    @Test func textIsPartedBetweenWords() {
        func wrapped(_ text: String, _ columns: Int) -> [String] {
            ScreenLine.wrapped(text, to: columns).map(\.text)
        }
        #expect(wrapped("one two three", 7) == ["one two", "three"])
        #expect(wrapped("one two three", 100) == ["one two three"])
        #expect(wrapped("/a/very/long/path is wrong", 10) == ["/a/very/lo", "ng/path is", "wrong"])
        #expect(wrapped("abc", 1) == ["a", "b", "c"])
        #expect(wrapped("abc", 0) == ["a", "b", "c"])
        #expect(wrapped("", 10) == [])
    }
}
