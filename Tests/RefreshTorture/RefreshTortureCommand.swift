import ArgumentParser
import Glibc
import ProcessSupport
import StormSupport

/// `refresh-torture`: real workers, killed and stopped wherever they are.
@main
struct RefreshTortureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh-torture",
        abstract: "Kills and stops worker processes at random and at chosen moments, and checks what must hold.",
        discussion: """
            Forks workers, starts an emulator of its own, and judges every round by what the workers noted before they \
            did it and by what the emulator saw. Exit status: 0 if everything held, 1 if not, 64 for wrong usage, 69 if \
            it could not be run.
            """)

    @Option(help: ArgumentHelp("How long, at the least.", valueName: "s"))
    var seconds = 60.0

    @Option(help: ArgumentHelp("Seed of what is random (default: another one each time).", valueName: "s"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Workers that live at the same time.", valueName: "n"))
    var processes = 24

    @Option(
        help: ArgumentHelp(
            "Deaths below which it goes on, up to twice as long (default: 5000 a minute).", valueName: "n"))
    var deaths: Int?

    @Option(
        help: ArgumentHelp(
            "Plays only this: \(StoppedScenario.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "name"
        ))
    var scenario: StoppedScenario?

    @Flag(help: "Report as JSON.")
    var json = false

    @Option(name: .customLong("break"), help: ArgumentHelp("Breaks what a check watches.", visibility: .hidden))
    var breakage: Breakage?

    func validate() throws {
        guard (0.1...86_400 * 7).contains(seconds) else {
            throw ValidationError("--seconds must be from 0.1 to a week.")
        }
        guard (4...128).contains(processes) else { throw ValidationError("--processes must be from 4 to 128.") }
    }

    func run() throws {
        do {
            if let scenario { return try play(scenario) }
            let report = try torture()
            print(json ? try report.json() : report.text)
            if report.failed > 0 { throw ExitCode(1) }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            FileOutput.standardError("refresh-torture: \(error)\n")
            throw ExitCode(EX_UNAVAILABLE)
        }
    }

    private func play(_ scenario: StoppedScenario) throws {
        signal(SIGPIPE, SIG_IGN)
        let directory = try StormDirectory(named: nil)
        defer { directory.remove() }
        let emulator = try EmulatorProcess()
        defer { emulator.stop() }
        let stage = try Stage(directory: "\(directory.path)/table", emulator: emulator)
        defer { stage.clear() }
        let results = try scenario.play(stage)
        for result in results { print("\(result.held ? "passed" : "FAILED")  \(result.what)") }
        let failed = results.count { !$0.held }
        print("\(results.count - failed) passed, \(failed) failed")
        if failed > 0 { throw ExitCode(1) }
    }

    private func torture() throws -> TortureReport {
        signal(SIGPIPE, SIG_IGN)
        let seed = seed ?? UInt64.random(in: 1...999_999)
        FileOutput.standardError("seed \(seed)\n")
        let options = TortureOptions(
            processes: processes, seconds: seconds, deaths: deaths ?? Int(seconds * 5_000 / 60), seed: seed,
            breakage: breakage)
        let directory = try StormDirectory(named: nil)
        defer { directory.remove() }
        let emulator = try EmulatorProcess()
        defer { emulator.stop() }
        let torture = try Torture(options: options, directory: directory.path, emulator: emulator)
        let showsProgress = isatty(STDERR_FILENO) == 1
        let began = MonotonicInstant.now()
        let tally = try torture.run { tally, elapsed in
            guard showsProgress else { return }
            FileOutput.standardError(
                "\r\(Int(elapsed)) s, \(tally.rounds) rounds, \(tally.deaths) deaths, \(tally.failed) checks failed ")
        }
        if showsProgress { FileOutput.standardError("\r\u{1B}[K") }
        return TortureReport(tally, seed: seed, seconds: began.duration(to: .now()).milliseconds / 1_000)
    }
}

extension StoppedScenario: ExpressibleByArgument {}

extension Breakage: ExpressibleByArgument {}
