import ProcessSupport
import StormSupport

/// What happened to each token of a round: as its callers, its holders and the upstream saw it.
struct RoundHistory {
    /// One call of the upstream, as the process that made it noted it.
    struct Sending {
        var life: Int
        var time: UInt64
        var answer: Note?

        var succeeded: Bool { answer?.outcome == "success" }
    }

    /// One caller.
    struct Call {
        var life: Int
        var token: Int
        var begin: UInt64
        var deadline: UInt64
        var end: Note?
    }

    /// Everything about one token.
    struct Token {
        var place: Int
        var hash: String
        /// In the order of time.
        var sendings: [Sending] = []
        var calls: [Call] = []
        var events: [ControlClient.Event] = []
    }

    let plan: RoundPlan
    let lives: [Life]
    /// Of this round.
    var tokens: [Token]
    /// Times for which somebody who was stopped had the write lock.
    let lockStops: [Life.Stop]
    /// How often processes killed themselves, by the point they had come to.
    var points: [String: Int] = [:]

    init(plan: RoundPlan, lives: [Life], notes: [Note], events: [ControlClient.Event]) {
        self.plan = plan
        self.lives = lives
        lockStops = lives.flatMap(\.stops).filter(\.heldLock)
        tokens = plan.tokens.enumerated().map {
            Token(place: plan.first + $0, hash: ControlClient.hash(of: $1))
        }
        let byHash = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1.hash, $0) })
        for event in events {
            if let hash = event.tokenHash, let index = byHash[hash] { tokens[index].events.append(event) }
        }
        var sendings: [Place: Int] = [:]
        var calls: [Place: Int] = [:]
        for note in notes.sorted(by: { $0.time < $1.time }) {
            if note.kind == .death { points[note.outcome, default: 0] += 1 }
            let index = note.token - plan.first
            guard tokens.indices.contains(index) else { continue }
            let place = Place(life: note.life, id: note.id)
            switch note.kind {
            case .send:
                sendings[place] = tokens[index].sendings.count
                tokens[index].sendings.append(Sending(life: note.life, time: note.time))
            case .answer:
                if let sending = sendings[place] { tokens[index].sendings[sending].answer = note }
            case .begin:
                calls[place] = tokens[index].calls.count
                tokens[index].calls.append(
                    Call(life: note.life, token: note.token, begin: note.time, deadline: note.other))
            case .end:
                if let call = calls[place] { tokens[index].calls[call].end = note }
            case .death, .lock, .leave: break
            }
        }
    }

    private struct Place: Hashable {
        var life: Int
        var id: Int
    }

    /// What happened to a token, one line each, in the order of time; for who has to find out why. No token in it.
    func story(of token: Token) -> String {
        var lines: [(time: UInt64, text: String)] = []
        for event in token.events {
            lines.append((event.timeNs, "emulator: \(event.event) \(event.requestId ?? "")"))
        }
        for sending in token.sendings {
            lines.append((sending.time, "life \(sending.life): sends"))
            if let answer = sending.answer {
                lines.append((answer.time, "life \(sending.life): answered \(answer.outcome) \(answer.digest)"))
            }
        }
        for call in token.calls {
            lines.append((call.begin, "life \(call.life): a caller begins, until \(call.deadline)"))
            if let end = call.end {
                lines.append((end.time, "life \(call.life): its caller gets \(end.outcome) \(end.digest)"))
            }
        }
        for life in Set(token.sendings.map(\.life) + token.calls.map(\.life)) {
            for stop in lives[life].stops {
                lines.append((stop.from, "life \(life): stopped\(stop.heldLock ? ", with the write lock" : "")"))
                lines.append((stop.to, "life \(life): continued or ended"))
            }
            if let killed = lives[life].killedAt {
                lines.append((killed, "life \(life): killed \(lives[life].point ?? "by the master")"))
            }
        }
        for stop in lockStops { lines.append((stop.from, "the write lock's holder is stopped until \(stop.to)")) }
        let span = (token.calls.first?.begin ?? 0)...(token.calls.last?.end?.time ?? .max)
        return "token \(token.hash)\n"
            + lines.filter { span.contains($0.time) || $0.text.hasPrefix("life") }.sorted { $0.time < $1.time }
            .map { "  \($0.time) \($0.text)" }.joined(separator: "\n")
    }
}
