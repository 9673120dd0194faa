import AuthKitTestSupport
import Foundation
import Testing

/// Beyond the reference: the process that refreshes dies.
@Suite(.timeLimit(.minutes(2))) struct CrashTests {
    // First process                     The other three
    // sends, waits for the answer
    //                                   wait for the first
    // killed
    //                                   one of them sends, all get its answer
    @Test func `the process that refreshes is killed, and the others get their session`() async throws {
        let fleet = try await Fleet.shared.value
        let workers = try await fleet.ownWorkers("crash")
        let token = try await fleet.signIn()
        // The first call is held until its client has gone, and rotates nothing.
        try await fleet.fault(token, #""kind":"hang""#)
        let call = WorkerCall(refreshToken: token, userID: "user_123")
        let lost = try await workers[0].begin(call)
        try await fleet.awaitArrivals(1, of: token)
        var begun: [(Worker, Int)] = []
        for worker in workers.dropFirst() + workers.dropFirst() {
            begun.append((worker, try await worker.begin(call)))
        }
        let killed = ContinuousClock.now
        await workers[0].crash()
        var replies: [WorkerReply] = []
        for (worker, id) in begun { replies.append(try await worker.reply(to: id)) }
        // The kernel told them: the lease of 12 s is not waited for.
        #expect(ContinuousClock.now - killed < .seconds(8))
        #expect(replies.count == 6)
        #expect(replies.allSatisfy { $0.error == nil && $0.refreshed == true && $0.verified == true })
        #expect(Set(replies.map(\.accessToken)).count == 1)
        #expect(Set(replies.map(\.refreshToken)).count == 1 && replies.first?.refreshToken != token)
        // That of the one who died, and one more.
        #expect(try await fleet.arrivals(of: token).count == 2)
        #expect(await workers[0].outcome(of: lost) == nil)
    }
}
