import Foundation
import Glibc
import LMDB
import Logging
import ProcessSupport
import TableTestSupport
import Testing

@testable import LeaseTable
@testable import refreshd

/// How the daemon begins and ends.
@Suite(.timeLimit(.minutes(2))) struct StoppingTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    /// Sends `signal`; how it ended, and after how long.
    private func stop(_ daemon: Program, _ signal: Int32) -> (Program.Ending, Duration) {
        let start = MonotonicInstant.now()
        daemon.send(signal)
        let ending = daemon.finish()
        return (ending, start.duration(to: .now()))
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalEndsItWithinASecond(signal: Int32) throws {
        let daemon = try Program("refreshd", ["--directory", directory.path])
        #expect(daemon.errorLine(containing: "keeping the lease table") != nil)
        let (ending, took) = stop(daemon, signal)
        #expect(ending.status == 0)
        #expect(ending.output.isEmpty)
        #expect(ending.errors.contains("stopped"))
        #expect(took < .seconds(1), "\(took)")
    }

    /// A process that is stopped inside a write: the daemon says so once, obeys a stop, and goes on when it can.
    @Test func aWriterThatStandsStillDoesNotHoldIt() throws {
        let table = try LeaseTable.open(directory.path)
        let (entered, leave, left) = (
            DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
        )
        let writer = Thread {
            try? table.environment.write(until: soon()) { _ throws(EnvironmentError) in
                entered.signal()
                leave.wait()
                return .abort(())
            }
            left.signal()
        }
        writer.start()
        entered.wait()
        let arguments = ["--directory", directory.path, "--sweep-interval", "0.05", "--log-level", "debug"]
        let recovering = try Program("refreshd", arguments)
        let stopping = try Program("refreshd", arguments)
        for daemon in [recovering, stopping] {
            let said = "cannot tidy the lease table: timed out"
            #expect(daemon.errorLine(containing: said)?.contains(" warning ") == true)
            #expect(daemon.errorLine(containing: said)?.contains(" debug ") == true)
        }
        let (ending, took) = stop(stopping, SIGTERM)
        #expect(ending.status == 0)
        #expect(took < .seconds(1), "\(took)")
        leave.signal()
        #expect(recovering.errorLine(containing: "can be tidied again") != nil)
        #expect(stop(recovering, SIGTERM).0.status == 0)
        left.wait()
    }

    @Test func aSignalEndsItWhileItOpens() throws {
        _ = try LeaseTable.open(directory.path)
        let lock = directory.lock("open.lock")
        try #require(lock >= 0)
        defer { close(lock) }
        let daemon = try Program("refreshd", ["--directory", directory.path, "--log-level", "info"])
        #expect(daemon.errorLine(containing: "another process delays opening") != nil)
        let (ending, took) = stop(daemon, SIGTERM)
        #expect(ending.status == 0)
        #expect(took < .seconds(1), "\(took)")
    }

    @Test func openingIsGivenUpWhenItsTimeIsUp() async throws {
        // Made by another process: one that has it open already would not open it again.
        #expect(try Program.run("lease-holder", [directory.path]).status == 0)
        let lock = directory.lock("open.lock")
        try #require(lock >= 0)
        defer { close(lock) }
        var configuration = DaemonConfiguration()
        configuration.operationTimeout = .milliseconds(20)
        configuration.startTimeout = .milliseconds(50)
        let housekeeping = Housekeeping(
            configuration: configuration, directory: .choose(named: directory.path),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onReady: {})
        let error = await #expect(throws: LeaseTableError.self) { try await housekeeping.run() }
        #expect(try DaemonExit(#require(error)) == .timedOut)
    }

    @Test func anUnusableDirectoryIsSaidWithItsRemedy() throws {
        let missing = try Program.run("refreshd", ["--directory", directory.file("missing/table")])
        #expect(missing.status == 78)
        #expect(missing.errors.contains("create that first"))
        #expect(missing.errors.split(separator: "\n").count == 1, "\(missing.errors)")
        #expect(try directory.listing().isEmpty)
        chmod(directory.path, 0o777)
        let open = try Program.run("refreshd", ["--directory", directory.path])
        #expect(open.status == 78)
        #expect(open.errors.contains("chmod 0700"))
        #expect(try directory.listing().isEmpty)
    }

    @Test(arguments: [
        ["--sweep-interval", "0"], ["--sweep-interval", "nan"], ["--directory", ""], ["--log-level", "loud"],
        ["extra"],
    ])
    func aWrongCommandLine(arguments: [String]) throws {
        #expect(try Program.run("refreshd", arguments).status == 64)
    }

    @Test func helpShowsExamplesAndExitCodes() throws {
        let ran = try Program.run("refreshd", ["--help"])
        #expect(ran.status == 0)
        for text in [
            "EXAMPLES", "\n    refreshd --directory /run/refreshd", "\n  78  the configuration", "(default: 5)",
        ] {
            #expect(ran.output.contains(text), "\(text)")
        }
    }
}
