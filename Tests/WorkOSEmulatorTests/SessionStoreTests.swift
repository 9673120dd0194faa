import Foundation
import Testing

@testable import WorkOSEmulator

@Suite struct SessionStoreTests {
    @Test func theOldestTokensAreForgottenBeyondTheCapacity() throws {
        var store = SessionStore(capacity: 3)
        var signIn = SignIn()
        signIn.email = "one@example.com"
        let first = store.signIn(signIn, date: Date())
        var newest = first
        for _ in 0..<20 {
            let redeemed = store.redeem(newest.refreshToken, organizationID: nil, grace: .zero, now: .zero)
            newest = try #require(redeemed.grant)
        }
        #expect(store.redeem(first.refreshToken, organizationID: nil, grace: .zero, now: .zero) == .unknown)
        #expect(store.email(of: newest.refreshToken) == "one@example.com")
        // Other sessions push the last token of this one out, and the user with it.
        for _ in 0..<3 { _ = store.signIn(SignIn(), date: Date()) }
        #expect(store.email(of: newest.refreshToken) == nil)
        let again = store.signIn(signIn, date: Date())
        #expect(again.session.userID != first.session.userID)
    }

    @Test func oneAddressIsOneUser() {
        var store = SessionStore()
        var signIn = SignIn()
        signIn.email = "one@example.com"
        let first = store.signIn(signIn, date: Date())
        let second = store.signIn(signIn, date: Date())
        #expect(first.session.userID == second.session.userID)
        #expect(first.session.id != second.session.id)
        #expect(
            store.signIn(SignIn(), date: Date()).session.email
                != store.signIn(SignIn(), date: Date()).session.email)
    }

    @Test func identifiersSortByTime() {
        let early = Identifier.make("session", at: Date(timeIntervalSince1970: 1_000_000))
        let late = Identifier.make("session", at: Date(timeIntervalSince1970: 1_000_001))
        #expect(early < late)
        #expect(early.count == "session_".count + 26)
        #expect(Identifier.refreshToken() != Identifier.refreshToken())
    }

    @Test func statisticsForgetOldTokensButNotOnesInFlight() {
        var statistics = Statistics(capacity: 4)
        let busy = TokenHash(of: "busy")
        statistics.update(busy) { $0.arrive() }
        for number in 0..<20 { statistics.update(TokenHash(of: "\(number)")) { $0.rotations += 1 } }
        #expect(statistics.byToken[busy]?.inFlight == 1)
        #expect(statistics.byToken[TokenHash(of: "0")] == nil)
        #expect(statistics.byToken.count <= 5)
        #expect(statistics.total.rotations == 20)
    }
}
