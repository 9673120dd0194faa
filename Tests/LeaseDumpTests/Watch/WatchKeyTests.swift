import Testing

@testable import lease_dump

@Suite struct WatchKeyTests {
    private func keys(_ pieces: String...) -> [WatchKey] {
        var decoder = WatchKeyDecoder()
        return pieces.flatMap { decoder.keys($0.utf8) }
    }

    @Test(arguments: [
        ("\u{1b}[A", WatchKey.up), ("\u{1b}OA", .up), ("\u{1b}[B", .down), ("\u{1b}OB", .down),
        ("\u{1b}[5~", .pageUp),
        ("\u{1b}[6~", .pageDown), ("\u{1b}[H", .home), ("\u{1b}OH", .home), ("\u{1b}[1~", .home),
        ("\u{1b}[7~", .home),
        ("\u{1b}[F", .end), ("\u{1b}OF", .end), ("\u{1b}[4~", .end), ("\u{1b}[8~", .end), ("q", .character("q")),
    ])
    func eachKey(sent: String, key: WatchKey) {
        #expect(keys(sent) == [key])
        #expect(keys("k\(sent)s") == [.character("k"), key, .character("s")])
    }

    /// Nothing of a key that has no meaning here passes for a command.
    @Test(arguments: [
        "\u{1b}[1;5A", "\u{1b}[15~", "\u{1b}[200~", "\u{1b}Oq", "\u{1b}q", "\u{1b}\u{1b}q", "\u{1b}[?1;2c",
        "\u{1b}[<0;3;4m",
        "\u{1b}[q", "\u{1b}[\u{1b}[s", "\u{1b}[\u{1b}s", "\u{1b}O\u{1b}s", "\t", "\r", "\u{7f}", "é",
        "\u{1b}[" + String(repeating: "1;", count: 1000) + "q",
    ])
    func nothingElseIsACommand(sent: String) {
        #expect(keys(sent) == [])
        #expect(keys(sent, "a") == [.character("a")])
    }

    @Test func aSequenceMayComeInPieces() {
        #expect(keys("\u{1b}[", "6", "~q") == [.pageDown, .character("q")])
        #expect(keys("\u{1b}O", "B") == [.down])
    }

    /// The escape key sends what sequences begin with.
    @Test func escapeAloneSwallowsNothing() {
        #expect(keys("\u{1b}", "q") == [.character("q")])
    }
}
