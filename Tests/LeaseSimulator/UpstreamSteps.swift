import LeaseTable
import ProcessSupport
import SeededRandom

// The upstream: tokens that work once, answers that take their time or get lost, and requests that arrive although their
// sender is dead.
extension Schedule {
    /// `Upstream.attempt(_:timeout:)`, the sending half.
    func send(_ thread: SimulatedThread) throws(Violation) {
        let tenure = thread.tenure
        if let tenure { try checkSend(thread, tenure) }
        figures[.calls] += 1
        var fate = SimulatedCall.Fate.answered
        if random.perMille(settings.failures) {
            fate = [.rateLimited, .rateLimited, .serverError, .answerLost, .sessionEnded][random.below(5)]
        }
        let effectAt = now + random.milliseconds(settings.travel)
        let call = SimulatedCall(
            key: thread.key, fate: fate, effectAt: effectAt,
            answerAt: effectAt + random.milliseconds(settings.travel),
            timesOutAt: now + nanoseconds(configuration.requestTimeout), tenure: tenure, thread: thread)
        calls.append(call)
        events.append((effectAt, .effect(call)))
        thread.call = call
        tenure?.isCalling = true
        thread.wait = .answer
        thread.point = thread.role == .lone ? .loneAnswered : .answered
        note(thread, "calls the upstream for key \(thread.key)")
    }

    /// The request arrives.
    func act(on call: SimulatedCall) {
        var token = tokens[call.key]
        defer { tokens[call.key] = token }
        note("the upstream acts for thread \(call.thread.number): \(call.fate)")
        switch call.fate {
        case .rateLimited:
            let asked = random.below(3) == 0 ? nil : random.milliseconds(0...14_000)
            call.answer = .rateLimited(retryAfter: asked)
            return
        case .serverError:
            figures[.serverErrors] += 1
            call.answer = .transient
            return
        case .sessionEnded:
            token.isRevoked = true
            figures[.sessionsEnded] += 1
        case .answered, .answerLost: break
        }
        if token.isRevoked {
            call.answer = .terminal
        } else if let spentAt = token.spentAt, now - spentAt >= settings.replayGrace {
            figures[.replaysRefused] += 1
            call.answer = .terminal
        } else {
            if token.spentAt != nil { figures[.replaysForgiven] += 1 }
            token.spentAt = token.spentAt ?? now
            bodies += 1
            call.answer = .success(body: bodies)
            if call.fate == .answerLost {
                figures[.rotationsWithoutAnswer] += 1
                call.answer = .transient
            }
        }
    }
}
