import Foundation
import Glibc
import ProcessSupport
import TableTestSupport
import Testing

@testable import LeaseTable
@testable import lease_dump

/// The live screen in a terminal: the program as a process, a pseudo-terminal, and what that shows.
@Suite(.timeLimit(.minutes(3))) struct WatchScreenTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func watch(
        _ arguments: [String] = [], every interval: String = "0.1", environment: [String: String] = [:],
        columns: Int = 140, lines: Int = 12
    ) throws -> TerminalProgram {
        try TerminalProgram(
            "lease-dump", ["--directory", directory.path, "--watch", interval] + arguments, environment: environment,
            columns: columns, lines: lines)
    }

    private func name(_ token: String) throws -> String { try key(token).recordKey.shortDescription }

    @Test func aScreenIsDrawnAndTheTerminalGivenBack() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.hold("mine")
        let program = try watch()
        #expect(program.shows(try name("mine")))
        #expect(program.screen.lines[0].contains("\(directory.path)  1 lease: 1 held  by state"))
        #expect(program.screen.lines[11] == WatchFrame.keys)
        #expect(program.screen.isAlternate && !program.screen.modes.contains(25))
        #expect(!program.isCooked)
        // What happens is seen, with no key pressed.
        _ = try table.hold("another")
        #expect(program.shows(try name("another")))
        program.type("q")
        #expect(program.finish() == 0)
        #expect(!program.screen.isAlternate && program.screen.modes == [7, 25])
        #expect(program.isCooked)
        // The line that every run prints is left, and no frame.
        #expect(program.screen.lines[0] == "lease-dump: table in \(directory.path) (named explicitly)")
        #expect(program.screen.lines[1].isEmpty)
    }

    @Test func itIsRedrawnWithoutFlicker() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.hold("mine")
        let program = try watch()
        #expect(program.shows { $0.frames >= 10 })
        program.type("q")
        #expect(program.finish() == 0)
        #expect(program.screen.clears == 0 && program.screen.unknown == [])
        #expect(!program.screen.hasWrapped)
        // Every character of a screen is in a frame.
        #expect(program.screen.unframed == "lease-dump: table in \(directory.path) (named explicitly)")
    }

    @Test func keysOrderTheRows() throws {
        let table = try LeaseTable.open(directory.path)
        let tokens = ["one", "two", "three", "four", "five"]
        for token in tokens { _ = try table.hold(token) }
        let program = try watch(every: "3600")
        let byAge = try tokens.map(name)
        func shown() -> [String] { program.screen.lines[2..<7].map { String($0.prefix(12)) } }
        #expect(program.shows("by state"))
        #expect(shown() == byAge)
        program.type("k")
        #expect(program.shows("by key"))
        #expect(shown() == byAge.sorted())
        program.type("r")
        #expect(program.shows("by key, reversed"))
        #expect(shown() == byAge.sorted().reversed())
        program.type("a")
        #expect(program.shows("by age"))
        #expect(shown() == byAge)
        program.type("q")
        #expect(program.finish() == 0)
    }

    @Test func arrowsScroll() throws {
        let table = try LeaseTable.open(directory.path)
        let tokens = (0..<6).map { "token-\($0)" }
        for token in tokens { _ = try table.hold(token) }
        let program = try watch(every: "3600", lines: 6)
        #expect(program.shows("1-3 of 6"))
        program.type("\u{1b}[B")
        #expect(program.shows("2-4 of 6"))
        #expect(program.screen.lines[2].hasPrefix(try name("token-1")))
        program.type("\u{1b}[6~")
        #expect(program.shows("4-6 of 6"))
        program.type("q")
        #expect(program.finish() == 0)
    }

    /// However it ends, the terminal is as it was, and the status says what ended it.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGBUS, SIGSEGV, SIGABRT])
    func aSignalGivesTheTerminalBack(signal: Int32) throws {
        _ = try LeaseTable.open(directory.path)
        // Swift's own backtracer would take the terminal and ask what to show.
        let program = try watch(environment: ["SWIFT_BACKTRACE": "enable=no"])
        #expect(program.shows("0 leases"))
        program.send(signal)
        #expect(program.finish() == -signal)
        #expect(!program.screen.isAlternate && program.screen.modes == [7, 25])
        #expect(program.isCooked)
    }

    @Test func theKeysOfSignalsAreStillTheirs() throws {
        _ = try LeaseTable.open(directory.path)
        let program = try watch()
        #expect(program.shows("0 leases"))
        program.type("\u{3}")
        #expect(program.finish() == -SIGINT)
        #expect(program.isCooked && !program.screen.isAlternate)
    }

    @Test func aTerminalThatGoesEndsIt() throws {
        _ = try LeaseTable.open(directory.path)
        let program = try watch()
        #expect(program.shows("0 leases"))
        program.hangUp()
        #expect(program.finish() == -SIGHUP)
    }

    /// ^S: nothing can be written, and signals are dealt with all the same.
    @Test func aStoppedTerminalDoesNotHoldIt() throws {
        _ = try LeaseTable.open(directory.path)
        let program = try watch()
        #expect(program.shows("0 leases"))
        program.type("\u{13}")
        program.take(for: .milliseconds(500))
        program.send(SIGTERM)
        #expect(program.finish() == -SIGTERM)
        #expect(program.isCooked)
    }

    /// What a slow terminal has not taken yet is not added to: it sees the table as it is, not as it was.
    @Test func aSlowTerminalGetsNoFramesThatAreOld() throws {
        let table = try LeaseTable.open(directory.path)
        for number in 0..<60 { _ = try table.hold("token-\(number)") }
        let program = try watch(lines: 70)
        #expect(program.shows("60 leases"))
        // Twenty frames of some 6 KiB each, of which a pseudo-terminal takes two.
        pause(for: .seconds(2))
        let frames = program.screen.frames
        program.takeWhatIsThere()
        #expect(program.screen.frames - frames < 10)
        program.type("q")
        #expect(program.finish() == 0)
    }

    @Test func anotherSizeIsFilled() throws {
        let table = try LeaseTable.open(directory.path)
        for number in 0..<9 { _ = try table.hold("token-\(number)") }
        let program = try watch(every: "3600")
        #expect(program.shows("9 leases"))
        #expect(program.screen.lines[11] == WatchFrame.keys)
        program.resize(columns: 60, lines: 8)
        #expect(program.shows { $0.lines[7].hasPrefix("q quit") })
        #expect(program.screen.lines[7] == WatchFrame.keys.prefix(59) + "…")
        #expect(program.screen.lines[0].hasSuffix("…"))
        program.resize(columns: 120, lines: 20)
        #expect(program.shows { $0.lines[19] == WatchFrame.keys })
        #expect(program.screen.lines[10].hasPrefix(try name("token-8")))
        #expect(program.screen.lines[12..<19].joined().isEmpty)
        #expect(program.screen.unknown == [] && !program.screen.hasWrapped)
        program.type("q")
        #expect(program.finish() == 0)
    }

    /// A shell's job: stopped by ^Z, and brought back.
    @Test func aStoppedJobGivesTheTerminalBackAndTakesItAgain() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.hold("mine")
        let command = try "\(TerminalProgram.path(of: "lease-dump")) --directory \(directory.path) --watch 0.1"
        let shell = try TerminalProgram(
            "/bin/bash",
            ["--norc", "-c", "set -m; \(command); echo stopped $?; read line; fg >/dev/null; echo ended $?"])
        #expect(shell.shows(try name("mine")))
        #expect(shell.screen.isAlternate)
        shell.type("\u{1a}")
        #expect(shell.shows("stopped 148"))
        #expect(!shell.screen.isAlternate && shell.screen.modes == [7, 25])
        #expect(shell.isCooked)
        shell.type("\n")
        #expect(shell.shows { $0.isAlternate && $0.text.contains { $0.contains("by state") } })
        #expect(!shell.isCooked)
        shell.type("q")
        #expect(shell.shows("ended 0"))
        #expect(shell.finish() == 0)
        #expect(!shell.screen.isAlternate && shell.isCooked)
    }

    /// A job in the background leaves the terminal to the shell, and its keys as well.
    @Test func aJobInTheBackgroundWaits() throws {
        _ = try LeaseTable.open(directory.path)
        let command = try "\(TerminalProgram.path(of: "lease-dump")) --directory \(directory.path) --watch 0.1"
        let shell = try TerminalProgram(
            "/bin/bash",
            [
                "--norc", "-c",
                "set -m; \(command) & sleep 0.5; echo waited; read line; fg >/dev/null; \(command) & sleep 0.5; kill $!; "
                    + "wait $!; echo ended $?",
            ])
        #expect(shell.shows("waited"))
        #expect(shell.screen.frames == 0 && shell.isCooked && !shell.screen.isAlternate)
        shell.type("\n")
        #expect(shell.shows { $0.isAlternate && $0.text.contains { $0.contains("0 leases") } })
        shell.type("q")
        #expect(shell.shows("ended 143"))
        #expect(shell.finish() == 0)
        #expect(!shell.screen.isAlternate && shell.isCooked)
    }

    /// What stops it without a word, and the shell that then sets the terminal to its own liking.
    @Test func goingOnAfterSIGSTOPTakesTheTerminalAgain() throws {
        _ = try LeaseTable.open(directory.path)
        let program = try watch(every: "3600")
        #expect(program.shows("0 leases"))
        program.send(SIGSTOP)
        #expect(program.isStopped())
        program.cook()
        let frames = program.screen.frames
        program.send(SIGCONT)
        #expect(program.shows { $0.frames > frames && $0.isAlternate })
        #expect(!program.isCooked)
        program.type("q")
        #expect(program.finish() == 0)
        #expect(program.isCooked)
    }

    @Test func aTableThatIsNotThereIsWaitedFor() throws {
        let path = directory.file("table")
        let program = try TerminalProgram("lease-dump", ["--directory", path, "--watch", "0.1"])
        #expect(program.shows("there is no lease table here"))
        for token in ["first", "second"] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            _ = try LeaseTable.open(path).hold(token)
            #expect(program.shows(try name(token)))
            #expect(!program.screen.lines.contains { $0.contains("there is no") })
            try FileManager.default.removeItem(atPath: path)
            #expect(program.shows("there is no lease table here"))
            #expect(!program.screen.lines.contains { $0.contains("held") })
        }
        program.type("q")
        #expect(program.finish() == 0)
    }

    @Test func aTableThatCannotBeUsedIsSaidUntilItCan() throws {
        _ = try LeaseTable.open(directory.path).hold("mine")
        chmod(directory.path, 0o777)
        let program = try watch()
        #expect(program.shows("lets every user write"))
        chmod(directory.path, 0o700)
        #expect(program.shows(try name("mine")))
        program.type("q")
        #expect(program.finish() == 0)
    }

    @Test func filtersApply() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.hold("mine")
        _ = try table.publish(table.hold("won"), result: Array("result".utf8), deadline: soon())
        let program = try watch(["--state", "success"])
        #expect(program.shows(try name("won")))
        #expect(program.screen.lines[0].contains("1 lease: 1 success"))
        #expect(!program.screen.lines.contains { $0.contains("held") })
        program.type("q")
        #expect(program.finish() == 0)
    }

    /// The token comes by standard input, the keys from the terminal that the screen is on.
    @Test func aTokenIsFound() throws {
        let table = try LeaseTable.open(directory.path)
        _ = try table.hold("other")
        let program = try TerminalProgram(
            "/bin/bash",
            [
                "--norc", "-c",
                try
                    "echo the-token | \(TerminalProgram.path(of: "lease-dump")) --directory \(directory.path) --watch 0.1"
                    + " --find --client-id client_1",
            ])
        #expect(program.shows("0 leases"))
        let key = try KeyMaterial(
            KeyParts(
                endpoint: "https://api.workos.com/user_management/authenticate", clientID: "client_1",
                refreshToken: "the-token"))
        _ = try table.claim(key, as: Claim(), pipe: table.preparePipe(), deadline: soon())
        #expect(program.shows(key.recordKey.shortDescription))
        #expect(program.screen.lines[0].contains("1 lease:"))
        program.type("q")
        #expect(program.finish() == 0)
    }

    @Test(arguments: [([:], true), (["NO_COLOR": "1"], false), (["TERM": "dumb"], false)])
    func coloursAreForThoseWhoWantThem(environment: [String: String], isColoured: Bool) throws {
        _ = try LeaseTable.open(directory.path).hold("mine")
        let program = try watch(environment: environment)
        #expect(program.shows("held"))
        program.type("q")
        #expect(program.finish() == 0)
        #expect((program.screen.colours > 0) == isColoured)
    }

    @Test func whatIsNoTerminalGetsNoScreen() throws {
        _ = try LeaseTable.open(directory.path)
        let ran = try Program.run("lease-dump", ["--directory", directory.path, "--watch"])
        #expect(ran.status == 64)
        #expect(ran.output.isEmpty)
        #expect(ran.errors.contains("standard output is no terminal"))
    }

    @Test(arguments: [
        ["--watch", "0"], ["--watch", "0.09"], ["--watch", "3601"], ["--watch", "nan"], ["--watch", "--json"],
        ["--watch", "1", "--csv"], ["--stats", "--watch"],
    ])
    func aWrongCommandLine(arguments: [String]) throws {
        let program = try TerminalProgram("lease-dump", ["--directory", directory.path] + arguments)
        #expect(program.finish() == 64)
        #expect(!program.screen.isAlternate && program.screen.frames == 0)
    }

    @Test func aSecondIsTheUsualPause() throws {
        _ = try LeaseTable.open(directory.path)
        let program = try TerminalProgram("lease-dump", ["--directory", directory.path, "--watch"])
        #expect(program.shows { $0.frames == 2 })
        program.type("q")
        #expect(program.finish() == 0)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionsKnowIt(shell: String) throws {
        let ran = try Program.run("lease-dump", ["--generate-completion-script", shell])
        #expect(ran.status == 0)
        #expect(ran.output.contains(shell == "fish" ? "watch" : "--watch"))
    }
}
