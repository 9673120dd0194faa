/// The counters of all calls together and of each token; a token is known by its hash only.
///
/// Bounded: beyond `capacity` tokens the one first seen is forgotten, unless a call with it is in flight.
struct Statistics {
    private(set) var total = Counters()
    private(set) var byToken: [TokenHash: Counters] = [:]
    private(set) var sessionsCreated = 0
    private(set) var answers: [Int: Int] = [:]
    private var order: [TokenHash] = []
    private let capacity: Int

    init(capacity: Int = 20_000) {
        self.capacity = capacity
    }

    /// Changes the counters of all calls and of one token alike.
    mutating func update(_ token: TokenHash, _ change: (inout Counters) -> Void) {
        change(&total)
        if byToken[token] == nil {
            order.append(token)
            if order.count > capacity { forgetHalf() }
        }
        change(&byToken[token, default: Counters()])
    }

    /// Counts an answer.
    mutating func answered(_ status: Int) {
        answers[status, default: 0] += 1
    }

    /// Counts a sign-in.
    mutating func signedIn() {
        sessionsCreated += 1
    }

    /// Everything to zero, except what is in flight.
    mutating func reset() {
        total.reset()
        byToken = byToken.filter { $0.value.inFlight > 0 }
        for token in byToken.keys { byToken[token]?.reset() }
        order.removeAll { byToken[$0] == nil }
        sessionsCreated = 0
        answers = [:]
    }

    // Half at once, so that the cost per call stays constant.
    private mutating func forgetHalf() {
        let first = order.prefix(capacity / 2).filter { (byToken[$0]?.inFlight ?? 0) == 0 }
        for token in first { byToken[token] = nil }
        let gone = Set(first)
        order.removeAll { gone.contains($0) }
    }

    /// The body of `GET /_emulator/stats`.
    func json(withTokens: Bool) -> JSONValue {
        var fields = total.json
        fields["sessions_created"] = .integer(Int64(sessionsCreated))
        fields["answers"] = .object(
            Dictionary(uniqueKeysWithValues: answers.map { (String($0.key), .integer(Int64($0.value))) }))
        if withTokens {
            fields["tokens"] = .object(
                Dictionary(uniqueKeysWithValues: byToken.map { ($0.key.text, .object($0.value.json)) }))
        }
        return .object(fields)
    }

    /// The body of `GET /_emulator/stats?token_hash=`; zeros for a token not seen.
    func json(of token: TokenHash) -> JSONValue {
        var fields = (byToken[token] ?? Counters()).json
        fields["token_hash"] = .string(token.text)
        return .object(fields)
    }
}
