import LeaseTable
import Testing

@testable import LeaseReports
@testable import lease_dump

@Suite struct LeaseTextTests {
    @Test func columnsAreAlignedUnderTheirTitles() throws {
        let rows = try [
            row(0x0a, held(4_194_303, age: .milliseconds(1250), attempt: 12), waiters: 63),
            row(0x0b, ended(.terminalFailure, 2, age: .milliseconds(250)), size: 12_345),
        ]
        #expect(
            LeaseText().render(rows) == """
                KEY           STATE            GENERATION   HOLDER  LIVES    AGE   LEFT  ATTEMPT  WAITERS  BYTES
                0a0a0a0a0a0a  held                     42  4194303  no      1.2s  10.7s       12       63    112
                0b0b0b0b0b0b  failed_terminal          42        2  yes    250ms   4.7s        1        -  12345

                """)
    }

    @Test func anEmptyTableIsItsHeader() {
        let header = "KEY  STATE  GENERATION  HOLDER  LIVES  AGE  LEFT  ATTEMPT  WAITERS  BYTES\n"
        #expect(LeaseText().render([]) == header)
    }

    @Test func damageIsShownWithItsProblem() throws {
        let rows = try [row(0x0a, held(age: .seconds(1))), damagedRow(0x0b)]
        #expect(
            LeaseText().render(rows) == """
                KEY           STATE    GENERATION  HOLDER  LIVES   AGE   LEFT  ATTEMPT  WAITERS  BYTES  PROBLEM
                0a0a0a0a0a0a  held             42     100  yes    1.0s  11.0s        1        -    112
                0b0b0b0b0b0b  damaged           -       -  -         -      -        -        -      3  the lease record is cut \
                short at 3 bytes

                """)
    }

    @Test(arguments: [
        (88, "KEY STATE GENERATION HOLDER LIVES AGE LEFT ATTEMPT WAITERS BYTES"),
        (84, "KEY STATE GENERATION HOLDER LIVES AGE LEFT ATTEMPT WAITERS BYTES"),
        (83, "KEY STATE GENERATION HOLDER LIVES AGE LEFT ATTEMPT WAITERS"),
        (76, "KEY STATE HOLDER LIVES AGE LEFT ATTEMPT WAITERS"),
        (64, "KEY STATE HOLDER LIVES AGE LEFT WAITERS"),
        (55, "KEY STATE HOLDER LIVES LEFT WAITERS"), (10, "KEY STATE HOLDER LIVES LEFT WAITERS"),
    ])
    func aNarrowTerminalGetsTheColumnsThatMatterMost(width: Int, titles: String) throws {
        let text = try LeaseText(width: width).render([row(0x0a, held(age: .seconds(1)))])
        #expect(text.split(separator: "\n")[0].split(separator: " ").joined(separator: " ") == titles)
    }

    @Test func aProblemIsCutWhereTheLineEnds() throws {
        let lines = try LeaseText(width: 80).render([damagedRow(0x0b)]).split(separator: "\n")
        #expect(lines[1].count == 80)
        #expect(lines[1].hasSuffix("…"))
    }

    @Test func colourChangesNothingElse() throws {
        let rows = try [
            row(1, held(101, age: .seconds(13), attempt: 2)), row(2, ended(.success, 101, age: .seconds(1))),
            damagedRow(3),
        ]
        let coloured = LeaseText(isColoured: true).render(rows)
        #expect(coloured.contains("\u{1b}[33mheld\u{1b}[0m"))
        #expect(coloured.contains("\u{1b}[32msuccess\u{1b}[0m"))
        // The holder that is gone while its lease is held, and only that one.
        #expect(coloured.split(separator: "\u{1b}[31mno\u{1b}[0m").count == 2)
        #expect(coloured.contains("\u{1b}[31m-1.0s\u{1b}[0m"))
        #expect(coloured.replacing(#/\x1b\[[0-9]*m/#, with: "") == LeaseText().render(rows))
    }

    @Test(arguments: [
        (true, [:], true), (false, [:], false), (true, ["NO_COLOR": "1"], false), (true, ["NO_COLOR": ""], true),
        (true, ["TERM": "dumb"], false), (true, ["TERM": "xterm"], true),
    ])
    func colourIsForTerminalsThatWantIt(isTerminal: Bool, variables: [String: String], expected: Bool) {
        #expect(StandardOutput.isColoured(isTerminal: isTerminal) { variables[$0] } == expected)
    }
}
