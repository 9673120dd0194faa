import Crypto
import Glibc
import ProcessSupport
import RefreshClient
import SeededRandom
import StormSupport

/// The real upstream, and around it the moments at which a holder's death matters most: just before it sends, between
/// the upstream's answer and its publication, and while it publishes.
final class MortalUpstream: Upstream, @unchecked Sendable {
    private let real: any Upstream
    private let life: Int
    private let tokens: [String: Int]
    private let notes: Int32
    private let breakage: Breakage?
    /// Whether this process is to live.
    private let isImmortal: Bool
    private let mutex = TimedMutex()
    /// Guarded by `mutex`.
    private var generator: SeededGenerator
    /// Guarded by `mutex`.
    private var sendings = 0
    /// Guarded by `mutex`: tokens sent, whose outcome no caller here has had yet.
    private var unheard: Set<Int> = []

    init(
        _ real: any Upstream, life: Int, tokens: [String: Int], notes: Int32, seed: UInt64, isImmortal: Bool,
        breakage: Breakage?
    ) {
        self.real = real
        self.life = life
        self.tokens = tokens
        self.notes = notes
        self.isImmortal = isImmortal
        self.breakage = breakage
        generator = SeededGenerator(seed: seed)
    }

    var endpoint: String { real.endpoint }

    var clientID: String { real.clientID }

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        let token = tokens[request.refreshToken] ?? -1
        let (id, draw, moment) = mutex.withLock {
            sendings += 1
            unheard.insert(token)
            return (sendings, Int.random(in: 0..<100, using: &generator), Int.random(in: 0..<400, using: &generator))
        }
        let fate = isImmortal ? Int.max : draw
        Note(.send, life: life, id: id, token: token).write(to: notes)
        if fate < 4 { die("before-sending", token) }
        let answer = real.attempt(request, timeout: timeout)
        switch answer {
        case .success(let success):
            Note(
                .answer, life: life, id: id, token: token, outcome: "success", digest: Self.digest(of: success.body)
            ).write(to: notes)
            if fate < 16 { die("before-publishing", token) }
            if fate < 28 { dieSoon(after: .microseconds(moment), token) }
            if breakage == .lostResults, fate % 4 == 0 {
                return .failure(UpstreamFailure(class: .transient, reason: .serverError, detail: "withheld"))
            }
        case .failure(let failure):
            let outcome = failure.reason.rawValue + (failure.mayHaveRotated ? "/may-have-rotated" : "")
            Note(.answer, life: life, id: id, token: token, outcome: outcome).write(to: notes)
        }
        return answer
    }

    /// Notes that a caller of this process has had the outcome of `token`.
    func heard(_ token: Int) {
        mutex.withLock { _ = unheard.remove(token) }
    }

    /// Tokens that were sent, and whose outcome nobody here has had.
    var stillUnheard: Set<Int> { mutex.withLock { unheard } }

    static func digest(of body: [UInt8]) -> String {
        SHA256.hash(data: body).prefix(8).map { String($0, radix: 16) }.joined(separator: ".")
    }

    private func die(_ point: String, _ token: Int) {
        Suicide.now(life: life, point: point, token: token, notes: notes)
    }

    private func dieSoon(after moment: Duration, _ token: Int) {
        Suicide.arm(after: moment, life: life, point: "while-publishing", token: token, notes: notes)
    }
}

/// Ends this process as the kernel's out-of-memory killer would.
enum Suicide {
    static func now(life: Int, point: String, token: Int = -1, notes: Int32) {
        Note(.death, life: life, token: token, outcome: point).write(to: notes)
        kill(getpid(), SIGKILL)
        // The signal may take until the next return from the kernel.
        while true { pause() }
    }

    /// The same from another thread, at a moment of its own.
    static func arm(after moment: Duration, life: Int, point: String, token: Int = -1, notes: Int32) {
        let due = MonotonicInstant.now().advanced(by: moment)
        try? LibraryThread.start {
            ProcessSupport.pause(for: MonotonicInstant.now().duration(to: due))
            now(life: life, point: point, token: token, notes: notes)
        }
    }
}
