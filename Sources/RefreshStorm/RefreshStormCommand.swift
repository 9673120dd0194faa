import ArgumentParser
import Glibc
import LeaseTable
import Logging
import RefreshClient
import StormSupport
import WorkOS

/// `refresh-storm`: many worker processes, one token.
@main
struct RefreshStormCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh-storm",
        abstract: "Has many worker processes refresh one token at the same moment, and checks what must hold.",
        discussion: """
            SCENARIOS
            \(Scenario.allCases.map { "  \($0.rawValue): \($0.summary)" }.joined(separator: "\n"))

            Starts workers by fork, as prefork servers do, and without --base-url an emulator of its own. Exit status: \
            0 if everything held, 1 if not, 64 for wrong usage, 69 if the storm could not be run.

            EXAMPLES
              128 callers in 16 processes, one token, 200 times:
                refresh-storm together --rounds 200

              The holder is killed after the upstream has rotated, which forgives a replay for 10 s:
                refresh-storm kill-holder --after-effect --replay-grace 10 --rounds 20

              Against an emulator that is running, with a table that lease-dump can look at:
                refresh-storm slow --base-url http://127.0.0.1:4500 --directory /dev/shm/storm --json
            """)

    @Argument(help: "What to do; see above.")
    var scenario: Scenario

    @Option(help: ArgumentHelp("Worker processes (default: 16; distinct: 8).", valueName: "n"))
    var processes: Int?

    @Option(help: ArgumentHelp("Concurrent callers in each (default: 8; distinct: 16).", valueName: "m"))
    var callers: Int?

    @Option(help: ArgumentHelp("Tokens in each round (default: 1; distinct: 1000).", valueName: "k"))
    var tokens: Int?

    @Option(help: ArgumentHelp("How often.", valueName: "r"))
    var rounds = 1

    @Option(
        help: ArgumentHelp(
            "How long the upstream takes (default: 100; slow: 6000; kill-holder: 500; distinct: 20).", valueName: "ms"
        ))
    var upstreamDelay: Int?

    @Option(help: ArgumentHelp("A workos-emulator that is running already.", valueName: "url"))
    var baseURL: String?

    @Option(help: ArgumentHelp("Seed of what is random.", valueName: "s"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("For how long the upstream accepts a spent token again.", valueName: "s"))
    var replayGrace = 0.0

    @Flag(help: "kill-holder: the upstream rotates at once, and only its answer is late.")
    var afterEffect = false

    @Option(help: ArgumentHelp("kill-holder: how far into the call.", valueName: "ms"))
    var killAfter = 50

    @Option(
        help: ArgumentHelp("Directory of the lease table (default: a new one, removed at the end).", valueName: "dir")
    )
    var directory: String?

    @Flag(help: "Wait by polling instead of by pipes.")
    var poll = false

    @Flag(help: "Report as JSON.")
    var json = false

    func validate() throws {
        guard (1...256).contains(processes ?? 1) else { throw ValidationError("--processes must be from 1 to 256.") }
        guard (1...256).contains(callers ?? 1) else { throw ValidationError("--callers must be from 1 to 256.") }
        guard (1...100_000).contains(tokens ?? 1) else { throw ValidationError("--tokens must be from 1 to 100000.") }
        guard (1...1_000_000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000000.") }
        guard (0...25_000).contains(upstreamDelay ?? 0) else {
            throw ValidationError("--upstream-delay must be from 0 to 25000.")
        }
        guard (0...3_600).contains(replayGrace) else {
            throw ValidationError("--replay-grace must be from 0 to 3600.")
        }
        if tokens ?? 1 > 1, [.killHolder, .terminal, .organizations].contains(scenario) {
            throw ValidationError("\(scenario.rawValue) is played with one token.")
        }
        if scenario == .killHolder, processes ?? 2 < 2 {
            throw ValidationError("kill-holder needs at least 2 --processes.")
        }
        guard killAfter >= 0, killAfter < upstreamDelay ?? Scenario.killHolder.defaultDelay else {
            throw ValidationError("--kill-after must be shorter than --upstream-delay.")
        }
    }

    func run() throws {
        do {
            let summary = try storm()
            print(json ? try summary.json() : summary.table)
            if !summary.held { throw ExitCode(1) }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            FileOutput.standardError("refresh-storm: \(error)\n")
            throw ExitCode(EX_UNAVAILABLE)
        }
    }

    private func storm() throws -> Summary {
        // A worker that is gone is seen when it is written to, not by a signal.
        signal(SIGPIPE, SIG_IGN)
        let table = try StormDirectory(named: directory)
        defer { table.remove() }
        let emulator = try baseURL == nil ? EmulatorProcess() : nil
        defer { emulator?.stop() }
        let url = baseURL ?? emulator?.baseURL ?? ""
        let options = options
        let control = try ControlClient(baseURL: url)
        let storm = try Storm(options: options, control: control, client: try client(table.path, url, options))
        FileOutput.standardError("lease table: \(table.path)\n")
        let showsProgress = isatty(STDERR_FILENO) == 1
        defer { if showsProgress { FileOutput.standardError("\r\u{1B}[K") } }
        return try storm.run { done in
            if showsProgress { FileOutput.standardError("\rround \(done) of \(options.rounds)") }
        }
    }

    private func client(_ path: String, _ url: String, _ options: StormOptions) throws -> RefreshClient {
        var configuration = RefreshConfiguration(directory: path)
        configuration.logger.logLevel = .error
        if poll { configuration.waitStrategy = .poll }
        // An upstream that is slower than the default allows is waited for.
        if options.delay > 9_000 {
            configuration.requestTimeout = .milliseconds(options.delay + 2_000)
            configuration.lease = configuration.requestTimeout + .seconds(2)
            configuration.callerDeadline = configuration.lease * 2
        }
        let upstream = try WorkOSUpstream(
            WorkOSConfiguration(clientID: "client_storm", apiKey: "key_storm", baseURL: url))
        return try RefreshClient(upstream: upstream, configuration: configuration)
    }

    private var options: StormOptions {
        let fleet = scenario.defaultFleet
        return StormOptions(
            scenario: scenario, processes: processes ?? fleet.processes, callers: callers ?? fleet.callers,
            tokens: tokens ?? (scenario == .distinct ? 1_000 : 1), rounds: rounds,
            delay: upstreamDelay ?? scenario.defaultDelay, replayGrace: replayGrace, rotatesFirst: afterEffect,
            killAfter: killAfter, seed: seed)
    }
}
