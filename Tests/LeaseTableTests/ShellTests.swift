import Foundation
import ProcessSupport
import Testing

@testable import LeaseTable

/// The shell around the state machine: pipes, waits and claims in a table of their own.
@Suite(.serialized) final class ShellTests {
    private let directory = "/dev/shm/refreshd-test-\(UUID().uuidString)"
    private let key: KeyMaterial
    private let table: LeaseTable

    init() throws {
        key = try KeyMaterial(KeyParts(endpoint: "https://upstream.test", clientID: "c", refreshToken: "rt"))
        var configuration = RefreshConfiguration(directory: directory)
        configuration.mapSize = 16 << 20
        configuration.publishReserve = 1 << 20
        table = try LeaseTable(configuration, in: .choose(named: directory), deadline: Self.soon)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    private static var soon: MonotonicInstant { .now().advanced(by: .seconds(10)) }

    private func take(_ claim: Claim = Claim()) throws -> Tenure {
        let result = try table.claim(key, as: claim, pipe: table.preparePipe(), deadline: Self.soon)
        guard case .granted(let tenure) = result else { throw CancellationError() }
        return tenure
    }

    private func joined() throws -> JoinedLease {
        guard
            case .join(let generation, let holder, let pipe, let leaseEnds, _) = try table.look(
                at: key, as: Claim(), deadline: Self.soon)
        else { throw CancellationError() }
        return JoinedLease(key: key, generation: generation, holder: holder, pipe: pipe, leaseEnds: leaseEnds)
    }

    @Test func `a claim decides on what it reads inside its transaction: a held lease is not granted again`() throws {
        let tenure = try take()
        let second = try table.claim(key, as: Claim(), pipe: table.preparePipe(), deadline: Self.soon)
        guard case .decided(.join(tenure.generation, _, _, _, _)) = second else {
            Issue.record("granted twice")
            return
        }
        // A hang-up of another generation is no ground either.
        let other = Generation(
            environment: tenure.generation.environment, transaction: tenure.generation.transaction + 1)
        let third = try table.claim(key, as: Claim(hungUp: other), pipe: table.preparePipe(), deadline: Self.soon)
        guard case .decided(.join) = third else {
            Issue.record("granted twice")
            return
        }
    }

    // Waiter                       Holder 1      Holder 2
    // looks: generation 1
    //                              hangs
    //                                            takes over
    // opens the pipe of 1, which is still open: must not sleep on it
    @Test func `the second look: a waiter does not sleep on a lease that was passed`() throws {
        let first = try take()
        let lease = try joined()
        // The name has to be there still, as for a waiter that opened it just before.
        let path = "\(directory)/pipes/\(lease.pipe.fileName)"
        #expect(link(path, path + ".kept") == 0)
        let second = try take(Claim(joined: first.generation, hungUp: first.generation))
        #expect(link(path + ".kept", path) == 0)
        let began = MonotonicInstant.now()
        let result = try PipeWait().wait(
            for: lease, round: 0, in: table, until: began.advanced(by: .seconds(2)))
        guard case .lookAgain = result else {
            Issue.record("the holder lives")
            return
        }
        #expect(began.duration(to: .now()) < .seconds(1))
        withExtendedLifetime((first, second)) {}
    }

    @Test func `the probe tells a holder that is there, one that wrote and one that is gone`() throws {
        var tenure: Tenure? = try take()
        let lease = try joined()
        let present = try #require(table.waitingEnd(of: lease.pipe))
        guard case .holderIsThere = present.probe() else {
            Issue.record("it is there")
            return
        }
        guard case .timedOut = present.wait(for: .milliseconds(20)) else {
            Issue.record("nothing has happened")
            return
        }
        tenure?.pipe?.wake()
        let written = try #require(table.waitingEnd(of: lease.pipe))
        guard case .written = written.probe(), case .written = present.wait(for: .seconds(5)) else {
            Issue.record("everybody is woken, and a probe takes nothing away from the others")
            return
        }
        withExtendedLifetime(tenure) {}
        tenure = nil
    }

    @Test func `who opens the pipe of a holder that is gone finds it hung up, and does not sleep`() throws {
        var tenure: Tenure? = try take()
        let lease = try joined()
        withExtendedLifetime(tenure) {}
        tenure = nil
        guard case .holderDied = try PipeWait().wait(for: lease, round: 0, in: table, until: Self.soon) else {
            Issue.record("the holder is gone")
            return
        }
    }

    @Test func `of those who saw the holder die, one goes first`() throws {
        let tenure = try take()
        let lease = try joined()
        withExtendedLifetime(tenure) {}
        #expect(table.goesFirst(after: lease.pipe))
        #expect(!table.goesFirst(after: lease.pipe))
        // Where nobody makes pipes, nothing tells who is the first.
        let none = WakePipeName(holder: lease.holder, number: 0)
        #expect(table.goesFirst(after: none) && table.goesFirst(after: none))
    }

    @Test func `a pipe that lost the race leaves nothing behind`() throws {
        let tenure = try take()
        _ = try table.claim(key, as: Claim(), pipe: table.preparePipe(), deadline: Self.soon)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/pipes").count == 1)
        try table.abandon(tenure, deadline: Self.soon)
    }
}
