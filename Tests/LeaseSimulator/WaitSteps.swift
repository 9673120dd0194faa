import LeaseTable
import ProcessSupport

// The steps of `PipeWait.wait` and `PollWait.wait`, with `WaitingEnd` beneath, and of the sleep until a not-before.
extension Schedule {
    func stepWait(_ thread: SimulatedThread) throws(Violation) {
        if thread.point == .sleptUntilNotBefore {
            // A deadline that came first ends the lead.
            thread.point = now < thread.pollUntil || now >= thread.deadline ? .handOver : .leadTable
            return
        }
        guard let joined = thread.joined, let table = thread.table else { return finish(thread) }
        switch thread.point {
        case .openPipe:
            if let pipe = table.pipes.first(where: { $0.name == joined.pipe }) {
                thread.end = pipe.openForReading(atStep: step)
                thread.point = options.broken == .skipSecondLook ? .probe : .secondRead
            } else {
                figures[.pipesMissing] += 1
                thread.point = .beginPoll
            }
        case .secondRead:
            thread.snapshot = try table.record(thread.key)
            thread.point = .secondDecide
        case .secondDecide:
            // Between the first look and the opening the holder may have published and closed.
            let second = LeaseStateMachine.claim(thread.snapshot, Claim(joined: joined.generation), now: boot)
            if case .join(joined.generation, _, _, _, _) = second {
                thread.point = .probe
            } else {
                figures[.secondLooksChanged] += 1
                roundEnded(thread)
            }
        case .probe:
            try probe(thread, joined)
        case .wokenByPipe:
            woken(thread, joined)
        case .beginPoll:
            figures[.polls] += 1
            let grown = min(configuration.shortestPoll * (1 << min(thread.round, 20)), configuration.longestPoll)
            let pause = min(grown, boot.duration(to: joined.leaseEnds))
            thread.wait = .until(min(now + nanoseconds(max(.zero, pause)), max(now, thread.deadline)))
            thread.point = .polled
        default:
            let hasPid = processes.first { $0.holder == joined.holder }?.hasPid ?? false
            if !hasPid {
                figures[.orphansFound] += 1
                thread.claim.hungUp = joined.generation
            }
            roundEnded(thread)
        }
    }

    private func probe(_ thread: SimulatedThread, _ joined: JoinedFacts) throws(Violation) {
        guard let end = thread.end else { return }
        switch end.probe() {
        case .hungUp:
            figures[.probesOfDead] += 1
            thread.claim.hungUp = joined.generation
            roundEnded(thread)
        case .written:
            figures[.probesOfWritten] += 1
            end.close()
            thread.end = nil
            thread.point = .beginPoll
        case .holderIsThere:
            figures[.sleeps] += 1
            try checkFallingAsleep(thread, joined.generation)
            let timeout = max(.zero, boot.duration(to: joined.leaseEnds))
            thread.sleptAtStep = step
            thread.isSignalled = false
            thread.wait = .pipe(until: min(now + nanoseconds(timeout), max(now, thread.deadline)))
            thread.point = .wokenByPipe
            note(thread, "sleeps on the pipe of generation \(name(joined.generation))")
        }
    }

    private func woken(_ thread: SimulatedThread, _ joined: JoinedFacts) {
        guard let end = thread.end else { return }
        let (hasHungUp, isWritten) = (end.hasHungUp, end.pipe.bytes > 0)
        note(thread, "wakes: \(hasHungUp ? "hung up" : isWritten ? "written" : "time")")
        if hasHungUp {
            figures[.wokenByHangUp] += 1
            thread.claim.hungUp = joined.generation
        } else if isWritten {
            figures[.wokenByBytes] += 1
            if options.broken == .drainPipe { end.pipe.drain() }
        } else if thread.isSignalled {
            figures[.interruptions] += 1
        }
        thread.isSignalled = false
        roundEnded(thread)
    }
}

/// The duration in nanoseconds; never negative.
func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(max(0, duration.wholeNanoseconds)) }
