import LeaseTable
import ProcessSupport

// The steps of `HolderCall.run()` and `LoneCall.run()`, and those of `LeaseTable.publish`, `fail` and `abandon` that
// follow the commit.
extension Schedule {
    private var publishTimeout: UInt64 { nanoseconds(configuration.publishTimeout) }
    private var retryPause: UInt64 { nanoseconds(configuration.publishRetryPause) }

    func stepHolder(_ thread: SimulatedThread) throws(Violation) {
        switch thread.point {
        case .wakeOwn, .openOther, .writeOther: return wake(thread)
        case .loneSend, .send: return try send(thread)
        case .answered, .loneAnswered: return try answered(thread)
        default: break
        }
        guard let tenure = thread.tenure else { return finish(thread) }
        switch thread.point {
        case .maySendRead:
            thread.snapshot = try tenure.table.record(thread.key)
            thread.check = (tenure.end == nil, .zero)
            thread.point = .maySendDecide
        case .maySendDecide:
            try maySend(thread, tenure)
        case .renewedBeforeSend:
            try renewed(thread, then: .maySendRead) { self.retryCheck(thread) }
        case .holdOn:
            let notBefore = boot.advanced(by: .nanoseconds(Int64(pause(after: thread))))
            let ends = notBefore.advanced(by: configuration.requestTimeout + configuration.leaseMargin)
            begin(thread, .renew(until: ends, notBefore: notBefore), until: now + publishTimeout, then: .heldOn)
        case .heldOn:
            thread.giveUp = now + nanoseconds(configuration.callerDeadline)
            try renewed(thread, then: options.broken == .skipMaySend ? .send : .maySendRead) { thread.point = .fail }
        case .noteUnpublished:
            thread.flight?.unpublished = thread.success
            thread.giveUp = now + nanoseconds(configuration.resultRetention)
            thread.point = .publish
        case .publish:
            begin(thread, .publish(body: thread.success ?? 0), until: now + publishTimeout, then: .published)
        case .published:
            try published(thread)
        case .renewForPublish:
            if now >= thread.giveUp {
                thread.isSuccessSettled = true
                thread.point = .release
            } else {
                begin(
                    thread, .renew(until: boot.advanced(by: configuration.lease), notBefore: nil),
                    until: now + retryPause, then: .pauseForPublish)
            }
        case .pauseForPublish:
            thread.wait = .until(now + retryPause)
            thread.point = .publish
        case .fail:
            let kind: OutcomeKind
            if case .terminal = thread.lastAnswer { kind = .terminalFailure } else { kind = .transientFailure }
            var notBefore: BootInstant?
            if case .rateLimited = thread.lastAnswer {
                notBefore = boot.advanced(by: .nanoseconds(Int64(pause(after: thread))))
            }
            begin(thread, .fail(kind, notBefore: notBefore), until: now + publishTimeout, then: .failed)
        case .failed:
            switch thread.ending {
            case .adopted(let sealed): try adopt(thread, sealed)
            case .ignored:
                figures[.staleFailures] += 1
                thread.point = .rejoin
            default: settle(thread, .failure(.upstream), then: .release)
            }
        case .rejoin:
            figures[.leasesLost] += 1
            handOver(thread, claim: Claim(joined: tenure.generation))
            thread.point = .release
        case .release:
            try checkReleased(thread)
            if let pipe = tenure.pipe, options.broken != .reusePipe { pipe.closeForBoth() }
            tenure.isReleased = true
            thread.point = .unlink
        default:
            if let pipe = tenure.pipe {
                if options.broken == .reusePipe { thread.process.sparePipes.append(pipe) } else { unlink(pipe) }
            }
            finish(thread)
        }
    }

    /// `HolderCall.makeSureOfLease()`.
    private func maySend(_ thread: SimulatedThread, _ tenure: SimulatedTenure) throws(Violation) {
        if options.broken == .skipMaySend {
            thread.check = nil
            thread.point = .send
            return
        }
        thread.check?.at = boot
        let decision = LeaseStateMachine.maySend(
            thread.snapshot, generation: tenure.generation, requestTimeout: configuration.requestTimeout, now: boot)
        switch decision {
        case .send: thread.point = .send
        case .waitUntil(let instant):
            figures[.notBeforeInherited] += 1
            thread.wait = .until(now + nanoseconds(boot.duration(to: instant)))
            thread.point = .maySendRead
        case .renewFirst(let ends):
            begin(
                thread, .renew(until: ends.advanced(by: configuration.leaseMargin), notBefore: nil),
                until: now + publishTimeout, then: .renewedBeforeSend)
        case .lost: thread.point = .rejoin
        case .adopt(let sealed): try adopt(thread, sealed)
        }
    }

    private func retryCheck(_ thread: SimulatedThread) {
        if now >= thread.giveUp {
            settle(thread, .failure(.deadline), then: .release)
        } else {
            thread.wait = .until(now + retryPause)
            thread.point = .maySendRead
        }
    }

    private func renewed(
        _ thread: SimulatedThread, then point: Point, onError: () -> Void
    ) throws(Violation) {
        switch thread.ending {
        case .stored:
            figures[.renewals] += 1
            thread.point = point
        case .lost: thread.point = .rejoin
        case .adopted(let sealed): try adopt(thread, sealed)
        default: onError()
        }
    }

    /// `UpstreamCall.pause(askedBy:)`.
    private func pause(after thread: SimulatedThread) -> UInt64 {
        guard case .rateLimited(let asked?) = thread.lastAnswer, asked > 0 else {
            return nanoseconds(configuration.defaultRetryPause)
        }
        return min(
            max(asked, nanoseconds(configuration.shortestRetryPause)), nanoseconds(configuration.longestRetryPause))
    }

    /// `UpstreamCall.attempt()`, after the answer.
    private func answered(_ thread: SimulatedThread) throws(Violation) {
        guard let call = thread.call else { return finish(thread) }
        let isLone = thread.role == .lone
        thread.tenure?.isCalling = false
        thread.attempts += 1
        let answer = call.answerAt <= now ? call.answer : nil
        calls.removeAll { $0 === call }
        thread.call = nil
        if answer == nil { figures[.abandonedByTimeout] += 1 }
        thread.lastAnswer = answer ?? .transient
        note(thread, "is answered \(thread.lastAnswer.map { "\($0)" } ?? "")")
        switch thread.lastAnswer {
        case .success(let body):
            thread.success = body
            if isLone { settle(thread, .success(body: body, isStored: false), then: .done) }
            if !isLone { thread.point = .noteUnpublished }
        case .rateLimited where thread.attempts == 1:
            figures[.retriesAfter429] += 1
            if isLone { thread.wait = .until(now + pause(after: thread)) }
            thread.point = isLone ? .loneSend : .holdOn
        default:
            if isLone { settle(thread, .failure(.upstream), then: .done) } else { thread.point = .fail }
        }
    }

    /// `HolderCall.publish(_:)`.
    private func published(_ thread: SimulatedThread) throws(Violation) {
        guard let body = thread.success else { return finish(thread) }
        switch thread.ending {
        case .adopted(let sealed):
            figures[.adoptedSuccesses] += 1
            thread.isSuccessSettled = true
            try adopt(thread, sealed)
        case .stored:
            thread.isSuccessSettled = true
            settle(thread, .success(body: body, isStored: true), then: .release)
        default:
            if thread.isDelivered {
                thread.point = .renewForPublish
            } else {
                thread.isDelivered = true
                settle(thread, .success(body: body, isStored: false), then: .renewForPublish)
            }
        }
    }

    /// `HolderCall.adopt(_:otherwise:)`.
    private func adopt(_ thread: SimulatedThread, _ sealed: SealedOutcome) throws(Violation) {
        settle(thread, .success(body: try open(sealed, key: thread.key), isStored: true), then: .release)
    }

    /// `HolderCall.finish(_:)`.
    private func settle(_ thread: SimulatedThread, _ outcome: SimulatedOutcome, then point: Point) {
        thread.outcome = outcome
        thread.afterFinish = point
        thread.point = .finishRemove
    }

    /// Everything that goes with a tenure at once.
    func release(_ thread: SimulatedThread) {
        guard let tenure = thread.tenure else { return }
        if let pipe = tenure.pipe {
            pipe.closeForBoth()
            unlink(pipe)
        }
        tenure.isReleased = true
    }

    /// `WakePipe.wake()`, then `WakePipe.wake(_:in:)` for the pipe of the lease that a success has replaced.
    private func wake(_ thread: SimulatedThread) {
        switch thread.point {
        case .wakeOwn:
            thread.tenure?.pipe?.write()
            thread.point = thread.wakeOther == nil ? thread.afterWake : .openOther
        case .openOther:
            figures[.wakesOfOthers] += 1
            let pipe = thread.tenure?.table.pipes.first { $0.name == thread.wakeOther }
            pipe?.openForBoth()
            thread.otherPipe = pipe
            if pipe == nil, let tenure = thread.tenure, tenure.table.isRemoved {
                for other in tenure.table.histories[tenure.key].tenures where other.pipeName == thread.wakeOther {
                    other.isOutOfReach = true
                }
            }
            thread.point = .writeOther
        default:
            thread.otherPipe?.write()
            thread.otherPipe?.closeForBoth()
            thread.otherPipe = nil
            thread.wakeOther = nil
            thread.point = thread.afterWake
        }
        thread.owesWake = thread.point == .openOther || thread.point == .writeOther
    }
}
