import Glibc
import LeaseTable
import ProcessSupport
import RefreshClient
import SeededRandom
import StormSupport

/// The life of a web worker: a few threads that ask for the tokens of the moment until the round is over, or somebody
/// kills it. Everything it needs it has inherited by the fork.
final class ClientWorker: @unchecked Sendable {
    /// What workers of one round have in common.
    struct Plan {
        var round: RoundPlan
        var directory: String
        var upstream: any Upstream
        var notes: Int32
        var breakage: Breakage?
    }

    private let plan: Plan
    private let life: Int
    private let client: RefreshClient
    private let upstream: MortalUpstream
    private let control: DeadlineControl
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    /// Guarded by `mutex`.
    private var calls = 0
    /// Guarded by `mutex`.
    private var working = 0

    init(_ plan: Plan, life: Int, seed: UInt64, isImmortal: Bool = false) throws {
        self.plan = plan
        self.life = life
        upstream = MortalUpstream(
            plan.upstream, life: life, tokens: plan.round.places, notes: plan.notes, seed: seed,
            isImmortal: isImmortal, breakage: plan.breakage)
        var configuration = Times.configuration(directory: plan.directory)
        switch plan.breakage {
        case .singleFlight where life % 2 == 0: configuration.directory = plan.directory + "-other"
        case .doubleRefreshes: configuration.resultRetention = .milliseconds(1)
        case .space: configuration.resultRetention = .seconds(3_600)
        case .onTime: configuration.waitStrategy = Oversleeping()
        default: break
        }
        client = try RefreshClient(upstream: upstream, configuration: configuration)
        control = try DeadlineControl()
        changed = TimedMutex.Condition(of: mutex)
    }

    /// Works until the round is over.
    func work(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let threads = Int.random(in: 1...3, using: &generator)
        mutex.withLock { working = threads }
        for _ in 0..<threads {
            let own = generator.next()
            do throws(SystemCallError) {
                try LibraryThread.start { self.call(SeededGenerator(seed: own)) }
            } catch {
                mutex.withLock { working -= 1 }
            }
        }
        if plan.breakage == .answered, life % 7 == 0 {
            pause(for: .milliseconds(60))
            return
        }
        mutex.withLock {
            while working > 0 { _ = changed.wait(until: MonotonicInstant.now().advanced(by: .seconds(60))) }
        }
        // A call that goes on without its caller is waited for, as a server that stops waits for its requests.
        mop(upstream.stillUnheard.sorted())
    }

    /// Asks once for each token, with patience.
    func mop(_ places: [Int]) {
        for place in places { _ = refresh(place, patience: .seconds(4)) }
    }

    private func call(_ seeded: SeededGenerator) {
        var generator = seeded
        while true {
            let now = MonotonicInstant.now()
            guard now < plan.round.end else { break }
            guard let place = plan.round.place(at: now, using: &generator) else {
                pause(for: .milliseconds(2))
                continue
            }
            let patience: Duration =
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<2: .milliseconds(Int.random(in: 3...40, using: &generator))
                case 2..<4: .milliseconds(Int.random(in: 100...500, using: &generator))
                default: .milliseconds(Int.random(in: 1_000...2_000, using: &generator))
                }
            refresh(place, patience: patience)
            pause(for: .microseconds(Int.random(in: 0...25_000, using: &generator)))
        }
        mutex.withLock { working -= 1 }
        changed.broadcast()
    }

    @discardableResult
    private func refresh(_ place: Int, patience: Duration) -> Bool {
        let call: Int = mutex.withLock {
            calls += 1
            return calls
        }
        let deadline = MonotonicInstant.now().advanced(by: patience)
        Note(.begin, life: life, id: call, token: place, other: deadline.nanoseconds).write(to: plan.notes)
        control.watch(call, deadline)
        let before = RunQueue.read()
        // What the note and the control's mutex took, on a busy machine longer than some callers' patience, is not the
        // library's.
        let began = MonotonicInstant.now()
        let left = began.duration(to: deadline)
        let request = RefreshRequest(refreshToken: plan.round.tokens[place - plan.round.first])
        var outcome: String
        var digest = "-"
        do throws(TokenRefreshError) {
            let result = try client.refresh(request, deadline: left)
            outcome = "success"
            digest = MortalUpstream.digest(of: result.body)
        } catch {
            outcome = error.code == .deadlineExceeded ? "deadline" : "\(error.code)/\(error.reason.rawValue)"
        }
        let end = MonotonicInstant.now()
        let after = RunQueue.read()
        if outcome != "deadline" { upstream.heard(place) }
        if plan.breakage == .agreement, outcome == "success", life % 5 == 0 { digest = "other" }
        if plan.breakage == .outcomes, life % 5 == 0 { outcome = "coordinationFailed/made-up" }
        let compared = control.finish(call, end: end)
        var note = Note(
            .end, life: life, id: call, token: place, other: max(compared.woken, began.nanoseconds), outcome: outcome,
            digest: digest)
        note.time = end.nanoseconds
        note.queued = after.queued - before.queued
        note.ran = after.ran - before.ran
        note.othersQueued = compared.othersQueued
        note.write(to: plan.notes)
        return outcome == "success"
    }
}

/// The breakage of ``Breakage/onTime``.
private struct Oversleeping: WaitStrategy {
    var makesPipes: Bool { true }

    func wait(
        for lease: JoinedLease, round: Int, in table: LeaseTable, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> WaitResult {
        pause(for: .milliseconds(300))
        return .lookAgain(nil)
    }
}
