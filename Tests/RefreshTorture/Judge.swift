import ProcessSupport
import StormSupport

/// Decides, for one round, what was right and what was not.
struct Judge {
    let history: RoundHistory
    private let requestTimeout = UInt64(Times.requestTimeout.wholeNanoseconds)
    private let retention = UInt64(Times.retention.wholeNanoseconds)
    private let lease = UInt64(Times.lease.wholeNanoseconds)

    /// Why a token was rightly sent again.
    enum Reason: String, CaseIterable {
        /// Who had sent it was dead.
        case death = "holder killed"
        /// The upstream had answered with a failure.
        case failure = "upstream failed"
        /// The result had been kept for as long as it is kept.
        case retention = "retention over"
        /// Who had sent it was stopped past its lease.
        case holderStopped = "holder stopped past its lease"
        /// Who sends it was stopped between its last look and its sending.
        case senderStopped = "sender stopped after its last look"
        /// Who had sent it could not publish, since the write lock's holder was stopped past the lease.
        case lockStopped = "write lock's holder stopped past the lease"
    }

    func judge(into tally: inout Tally) {
        tally.rounds += 1
        for (point, count) in history.points { tally.points[point, default: 0] += count }
        for token in history.tokens {
            tally.tokens += 1
            tally.sendings += token.sendings.count
            judgeSendings(token, &tally)
            judgeEmulator(token, &tally)
            judgeCalls(token, &tally)
            judgeResults(token, &tally)
        }
    }

    // MARK: Sending

    /// Why `later` was right to send what `earlier` had sent; `nil` where it was not.
    private func reason(
        for later: RoundHistory.Sending, after earlier: RoundHistory.Sending
    ) -> Reason? {
        let (holder, sender) = (history.lives[earlier.life], history.lives[later.life])
        if let gone = holder.goneAt, gone <= later.time { return .death }
        if let answer = earlier.answer, answer.time <= later.time, !earlier.succeeded { return .failure }
        if let answer = earlier.answer, later.time >= answer.time + retention { return .retention }
        let window = earlier.time - min(earlier.time, lease)
        // At its last look it had a whole request timeout of lease left; before it noted the sending it may have been
        // stopped already.
        let before = holder.stopped(between: window, and: earlier.time)
        if holder.stopped(between: window, and: later.time) > 0, later.time + before >= earlier.time + requestTimeout
        {
            return .holderStopped
        }
        if sender.stops.contains(where: {
            $0.from <= earlier.time && $0.to <= later.time && $0.to - $0.from >= requestTimeout * 7 / 8
        }) {
            return .senderStopped
        }
        if later.time >= earlier.time + requestTimeout,
            history.lockStops.contains(where: { $0.from <= later.time && $0.to >= earlier.time })
        {
            return .lockStopped
        }
        return nil
    }

    private func judgeSendings(_ token: RoundHistory.Token, _ tally: inout Tally) {
        for (index, later) in token.sendings.enumerated() {
            for earlier in token.sendings[..<index] {
                if let reason = reason(for: later, after: earlier) {
                    tally.reasons[reason, default: 0] += 1
                    continue
                }
                let isOver = earlier.answer.map { $0.time <= later.time } ?? false
                tally.violate(
                    isOver ? .doubleRefreshes : .singleFlight,
                    isOver ? "sent again although its result was there" : "sent while another call was in flight",
                    history.story(of: token))
            }
        }
        for sending in token.sendings where sending.answer?.outcome == "invalid_grant" {
            let before = token.sendings.filter { $0.time < sending.time }
            let reasons = before.compactMap { earlier -> Reason? in
                let reason = reason(for: sending, after: earlier)
                if reason == .failure {
                    return earlier.answer?.outcome.hasSuffix("/may-have-rotated") == true ? .failure : nil
                }
                return reason
            }
            if reasons.isEmpty || history.plan.hasGrace {
                tally.violate(
                    .lostResults, "the upstream refused a token whose rotation nobody can have lost",
                    history.story(of: token))
            } else if reasons.contains(.death) {
                tally.inDoubt.insert(token.place)
            } else {
                tally.overrun.insert(token.place)
            }
        }
    }

    // MARK: The upstream's view

    private func judgeEmulator(_ token: RoundHistory.Token, _ tally: inout Tally) {
        var inFlight: Set<String> = []
        var overlaps = 0
        var arrivals = 0
        for event in token.events {
            guard let request = event.requestId else { continue }
            switch event.event {
            case "request_arrived":
                arrivals += 1
                overlaps += inFlight.isEmpty ? 0 : 1
                inFlight.insert(request)
            case "answered", "client_gone", "connection_reset", "connection_closed": inFlight.remove(request)
            case "rotated": tally.rotations += 1
            case "replay_accepted": tally.replaysAccepted += 1
            case "replay_rejected": tally.replaysRejected += 1
            default: break
            }
        }
        tally.arrivals += arrivals
        tally.overlaps += overlaps
        if arrivals > token.sendings.count {
            tally.violate(
                .emulator, "\(arrivals) calls came to the upstream, \(token.sendings.count) were made",
                history.story(of: token))
        }
        let explained = token.sendings.indices.dropFirst().count { index in
            token.sendings[..<index].contains { earlier in
                switch reason(for: token.sendings[index], after: earlier) {
                case .death, .holderStopped, .senderStopped, .lockStopped: true
                // A call whose client gave up is over when the upstream notices.
                case .failure: earlier.answer?.outcome.contains("may-have-rotated") == true
                case .retention, nil: false
                }
            }
        }
        if overlaps > explained {
            tally.violate(
                .singleFlight, "the upstream had two calls at once, and nobody was dead or stopped",
                history.story(of: token))
        }
    }

    // MARK: Callers

    private static let expected: Set<String> = [
        "success", "deadline", "sessionEnded/invalid_grant", "upstreamFailed/server_error",
        "upstreamFailed/rate_limit_exceeded", "upstreamFailed/timeout",
    ]

    private func judgeCalls(_ token: RoundHistory.Token, _ tally: inout Tally) {
        for call in token.calls {
            let life = history.lives[call.life]
            guard let end = call.end else {
                if life.killedAt != nil {
                    tally.callersKilled += 1
                } else {
                    tally.violate(.answered, "a caller in a living process got no answer", history.story(of: token))
                }
                continue
            }
            tally.outcomes[end.outcome, default: 0] += 1
            if !Self.expected.contains(end.outcome) {
                tally.violate(.outcomes, "a caller was told \(end.outcome)", history.story(of: token))
            }
            if end.outcome == "deadline", end.time + 1_000_000 < call.deadline {
                tally.violate(.outcomes, "a caller was told of its deadline before it", history.story(of: token))
            }
            if !life.stops.isEmpty {
                tally.callersStopped += 1
                continue
            }
            if !tally.measure(deadline: call.deadline, end: end) {
                tally.violate(
                    .onTime,
                    "a caller of life \(call.life) was \(Self.milliseconds(end.time - call.deadline)) ms late, control or begin "
                        + "\(Self.milliseconds(end.other > call.deadline ? end.other - call.deadline : 0)) ms; it stood "
                        + "in the run queue for \(Self.milliseconds(end.queued)) ms, another thread of its process for "
                        + "\(Self.milliseconds(end.othersQueued)) ms, and it ran for \(Self.milliseconds(end.ran)) ms",
                    history.story(of: token))
            }
        }
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds / 10_000) / 100 }

    // MARK: Results

    private func judgeResults(_ token: RoundHistory.Token, _ tally: inout Tally) {
        let answers = token.sendings.filter(\.succeeded)
        let known = Set(answers.compactMap { $0.answer?.digest })
        var delivered: Set<String> = []
        for call in token.calls {
            guard let end = call.end else { continue }
            if end.outcome == "success" {
                delivered.insert(end.digest)
                if !known.contains(end.digest) {
                    tally.violate(
                        .agreement, "a caller got what the upstream never answered", history.story(of: token))
                }
            } else if end.outcome == "sessionEnded/invalid_grant",
                !token.sendings.contains(where: {
                    $0.answer.map { $0.outcome == "invalid_grant" && $0.time <= end.time } ?? false
                })
            {
                tally.violate(.outcomes, "invalid_grant that the upstream did not say", history.story(of: token))
            }
        }
        // Other bytes can only come of a rotation whose holder was lost.
        let firm = answers.filter { delivered.contains($0.answer?.digest ?? "") && !isLost($0) }
        if Set(firm.compactMap { $0.answer?.digest }).count > 1 {
            tally.violate(.agreement, "callers of one token got different results", history.story(of: token))
        }
        if delivered.count > 1 { tally.rerotated += 1 }
        judgeAvailability(token, answers, &tally)
    }

    /// Whether the process that got this answer was killed or stopped later on, or kept from publishing.
    private func isLost(_ sending: RoundHistory.Sending) -> Bool {
        let life = history.lives[sending.life]
        return life.killedAt != nil || !life.stops.isEmpty || isLockStopped(near: sending.answer?.time ?? 0)
    }

    private func isLockStopped(near time: UInt64) -> Bool {
        history.lockStops.contains { $0.from <= time + requestTimeout && $0.to + requestTimeout >= time }
    }

    /// From when a result is there until its retention is over, whoever asks gets it.
    private func judgeAvailability(
        _ token: RoundHistory.Token, _ answers: [RoundHistory.Sending], _ tally: inout Tally
    ) {
        let slack: UInt64 = 300_000_000
        for sending in answers {
            guard let answer = sending.answer else { continue }
            let life = history.lives[sending.life]
            let livedOn = (life.goneAt ?? .max) > answer.time + slack && life.stops.isEmpty
            let delivery = token.calls.compactMap(\.end).filter { $0.digest == answer.digest }.map(\.time).min()
            // Published for certain: its holder has had time to, or a caller has got it.
            guard livedOn || delivery != nil, !isLockStopped(near: answer.time) else { continue }
            let isFromTable = delivery.map { time in
                token.calls.contains { $0.end?.time == time && $0.life != sending.life }
            }
            guard livedOn || isFromTable == true else { continue }
            tally.resultsKept += 1
            let from = livedOn ? answer.time + slack : (delivery ?? 0) + 50_000_000
            let until = answer.time + retention - slack
            for call in token.calls where call.begin >= from && call.begin < until {
                guard let end = call.end, history.lives[call.life].stops.isEmpty else { continue }
                if end.outcome != "success", end.outcome != "deadline" {
                    tally.violate(
                        .lostResults, "a caller was told \(end.outcome) while there was a result",
                        history.story(of: token))
                }
            }
        }
    }
}
