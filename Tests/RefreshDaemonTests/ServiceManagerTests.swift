import Foundation
import Dispatch
import Glibc
import NIOCore
import NIOPosix
import ProcessSupport
import TableTestSupport
import Testing

@testable import refreshd

/// What a service manager hears while the daemon runs, through a real notify socket.
@Suite(.timeLimit(.minutes(2))) struct ServiceManagerTests {
    private let directory: TemporaryDirectory
    private let manager: NotifySocket

    init() throws {
        directory = try TemporaryDirectory()
        manager = try NotifySocket(directory.file("notify"))
    }

    private func daemon(_ more: [String: String] = [:], listening: Bool = true) throws -> Program {
        var arguments = ["--directory", directory.file("table")]
        if listening {
            arguments += ["--listen", "unix:\(directory.file("socket"))", "--client-id", "c", "--public-client"]
        }
        return try Program(
            "refreshd", arguments,
            environment: more.merging(["NOTIFY_SOCKET": directory.file("notify")]) { $1 })
    }

    /// The next message that is not a sign of life.
    private func message() -> String? {
        while let message = manager.receive() {
            if message != "WATCHDOG=1" { return message }
        }
        return nil
    }

    /// Ready means that the socket accepts.
    @Test func readinessComesWhenTheSocketIsThere() throws {
        let daemon = try daemon()
        #expect(message() == "READY=1")
        #expect(access(directory.file("socket"), F_OK) == 0)
        #expect(access(directory.file("table/guard"), F_OK) == 0)
        daemon.send(SIGTERM)
        #expect(message() == "STOPPING=1")
        #expect(daemon.finish().status == 0)
    }

    @Test func theWatchdogIsFedAsOftenAsItWants() throws {
        let daemon = try daemon(["WATCHDOG_USEC": "200000"])
        let start = MonotonicInstant.now()
        var signs = 0
        while signs < 5, let message = manager.receive() {
            if message == "WATCHDOG=1" { signs += 1 }
        }
        #expect(signs == 5)
        // Twice in an interval, or more often after the start.
        #expect(start.duration(to: .now()) < .seconds(5))
        daemon.send(SIGTERM)
        #expect(message() != nil)
        #expect(daemon.finish().status == 0)
    }

    /// Twice in its interval: a third sign comes at its end, where one in each would come at the end of the second.
    @Test func theWatchdogIsFedTwiceInItsInterval() throws {
        let daemon = try daemon(["WATCHDOG_USEC": "2000000"])
        var signs = 0
        var start = MonotonicInstant.now()
        while signs < 3, let message = manager.receive() {
            if message == "WATCHDOG=1" {
                if signs == 0 { start = .now() }
                signs += 1
            }
        }
        #expect(signs == 3)
        #expect(start.duration(to: .now()) < .milliseconds(3500))
        daemon.send(SIGTERM)
        #expect(message() == "STOPPING=1")
        #expect(daemon.finish().status == 0)
    }

    /// A sign of life is one of the event loops: where those stand still, none is given.
    @Test func aStuckEventLoopGivesNoSignOfLife() async throws {
        let stuck = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (entered, leave) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        stuck.next().execute {
            entered.signal()
            leave.wait()
        }
        await Task.detached { wait(for: entered) }.value
        let (signs, gives) = AsyncStream.makeStream(of: Void.self)
        let link = ServiceManagerLink(
            watchdogInterval: .milliseconds(20), eventLoops: stuck,
            notify: { if case .watchdog = $0 { gives.yield() } }, onReady: {}, reload: {})
        let running = Task { try await link.run() }
        let early = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                var iterator = signs.makeAsyncIterator()
                return await iterator.next() != nil
            }
            group.addTask {
                try await Task.sleep(for: .milliseconds(500))
                return false
            }
            defer { group.cancelAll() }
            return try await group.next()
        }
        #expect(early == false)
        leave.signal()
        running.cancel()
        try await running.value
        try await stuck.shutdownGracefully()
    }

    @Test func aWatchdogOfAnotherProcessIsNotFed() {
        #expect(ServiceManagerLink.interval(["WATCHDOG_USEC": "1000000"]) == .seconds(1))
        #expect(ServiceManagerLink.interval(["WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"]) == nil)
        #expect(ServiceManagerLink.interval(["WATCHDOG_USEC": "0"]) == nil)
        #expect(ServiceManagerLink.interval([:]) == nil)
    }

    @Test(arguments: [true, false]) func aReloadIsToldFromItsBeginningToItsEnd(listening: Bool) throws {
        let daemon = try daemon(listening: listening)
        #expect(message() == "READY=1")
        daemon.send(SIGHUP)
        let reloading = try #require(message())
        #expect(reloading.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        let microseconds = try #require(UInt64(reloading.split(separator: "=").last ?? ""))
        let now = MonotonicInstant.now().nanoseconds / 1000
        #expect(microseconds <= now && now - microseconds < 10_000_000)
        #expect(message() == "READY=1")
        daemon.send(SIGTERM)
        #expect(message() == "STOPPING=1")
        #expect(daemon.finish().status == 0)
    }
}

/// Blocks its thread.
private func wait(for semaphore: DispatchSemaphore) { semaphore.wait() }
