import LeaseTable
import Logging
import ProcessSupport

/// The holder's work, on a thread of the library: make sure that the lease still holds, call the upstream, say how it
/// ended. No caller's deadline or cancellation ends it: the token may have been rotated, and others wait.
struct HolderCall {
    let leader: FlightLeader
    let table: LeaseTable
    let tenure: Tenure

    private var configuration: RefreshConfiguration { leader.configuration }

    func run() {
        var call = UpstreamCall(leader: leader)
        while true {
            guard makeSureOfLease() else { return }
            switch call.attempt() {
            case .success(let success):
                return publish(success)
            case .retry(let pause):
                guard holdOn(for: pause, call) else { return }
            case .failure(let failure):
                return fail(failure, call)
            }
        }
    }

    // MARK: Before sending

    /// Reads the record again, and waits or renews as it says. False where this call is not to be made: the flight has
    /// then been ended or led on.
    ///
    /// Without it, a holder stopped between claim and send would wake to replay a token that its successor has spent.
    private func makeSureOfLease() -> Bool {
        let giveUp = MonotonicInstant.now().advanced(by: configuration.callerDeadline)
        while true {
            do throws(LeaseTableError) {
                let deadline = MonotonicInstant.now().advanced(by: configuration.publishTimeout)
                switch try table.maySend(tenure, deadline: deadline) {
                case .send: return true
                case .waitUntil(let instant): pause(for: BootInstant.now().duration(to: instant))
                case .renewFirst(let leaseEnds):
                    let renewed = try table.renew(
                        tenure, until: leaseEnds.advanced(by: configuration.leaseMargin), notBefore: nil,
                        deadline: deadline)
                    switch renewed {
                    case .store: continue
                    case .lost: return rejoin()
                    case .adopt(let sealed): return adopt(sealed)
                    }
                case .lost: return rejoin()
                case .adopt(let sealed): return adopt(sealed)
                }
            } catch {
                guard MonotonicInstant.now() < giveUp else {
                    finish(.failure(error.isTimeout ? .deadline(error) : .coordination(error)))
                    return false
                }
                pause(for: configuration.publishRetryPause)
            }
        }
    }

    // MARK: After an answer

    /// Keeps the lease through the pause that the upstream asked for, and tells whoever takes over of it.
    private func holdOn(for pause: Duration, _ call: UpstreamCall) -> Bool {
        let notBefore = BootInstant.now().advanced(by: pause)
        let leaseEnds = notBefore.advanced(by: configuration.requestTimeout + configuration.leaseMargin)
        do throws(LeaseTableError) {
            let deadline = MonotonicInstant.now().advanced(by: configuration.publishTimeout)
            switch try table.renew(tenure, until: leaseEnds, notBefore: notBefore, deadline: deadline) {
            case .store: return true
            case .lost: return rejoin()
            case .adopt(let sealed): return adopt(sealed)
            }
        } catch {
            if let failure = call.attempts.last { fail(failure, call) }
            return false
        }
    }

    /// Stores the result. This process's own callers get it when it is stored, or when storing it has failed once: then
    /// they are served, and storing is tried on with the pipe held and the lease renewed, since it is the only result
    /// there will be.
    private func publish(_ success: UpstreamSuccess) {
        leader.flight.hold(unpublished: success)
        let payload = OutcomePayload.encode(success)
        let giveUp = MonotonicInstant.now().advanced(by: configuration.resultRetention)
        var isDelivered = false
        while true {
            do throws(LeaseTableError) {
                let deadline = MonotonicInstant.now().advanced(by: configuration.publishTimeout)
                switch try table.publish(tenure, result: payload, deadline: deadline) {
                case .adopted(let sealed): _ = adopt(sealed, otherwise: success)
                case .stored, .ignored: finish(.success(success))
                }
                return
            } catch {
                if !isDelivered {
                    configuration.logger.error(
                        "a result could not be stored yet; this process has it, others wait",
                        metadata: ["directory": "\(table.directory)", "error": "\(error)"])
                    finish(.success(success))
                    isDelivered = true
                }
                if case .tooLarge = error { return failForOthers(error) }
                let now = MonotonicInstant.now()
                guard now < giveUp else {
                    configuration.logger.critical(
                        "a result could not be stored: other processes' callers of this session will fail",
                        metadata: ["directory": "\(table.directory)", "error": "\(error)"])
                    return
                }
                _ = try? table.renew(
                    tenure, until: BootInstant.now().advanced(by: configuration.lease), notBefore: nil,
                    deadline: now.advanced(by: configuration.publishRetryPause))
                pause(for: configuration.publishRetryPause)
            }
        }
    }

    /// The result can never be stored: who waits is told now, instead of sending the spent token when the lease ends.
    private func failForOthers(_ error: LeaseTableError) {
        let failure = UpstreamFailure(
            class: .transient, reason: .serverError, mayHaveRotated: true, detail: "\(error)")
        _ = try? table.fail(
            tenure, kind: .transientFailure, failure: OutcomePayload.encode([failure]), notBefore: nil,
            deadline: MonotonicInstant.now().advanced(by: configuration.publishTimeout))
    }

    /// Records the failure for everyone who waits, if the lease is still this call's.
    private func fail(_ failure: UpstreamFailure, _ call: UpstreamCall) {
        let asksForPause = failure.status == 429 || failure.retryAfterMilliseconds != nil
        let notBefore = asksForPause ? BootInstant.now().advanced(by: call.pause(askedBy: failure)) : nil
        do throws(LeaseTableError) {
            let ended = try table.fail(
                tenure, kind: failure.class == .terminal ? .terminalFailure : .transientFailure,
                failure: OutcomePayload.encode(call.attempts), notBefore: notBefore,
                deadline: MonotonicInstant.now().advanced(by: configuration.publishTimeout))
            switch ended {
            case .stored: finish(.failure(.upstream(call.attempts)))
            case .adopted(let sealed): _ = adopt(sealed)
            case .ignored:
                // The lease was passed. Whoever holds it now may still succeed; where nobody does, to go on would be to
                // send the token a second time.
                if othersMayAnswer() { _ = rejoin() } else { finish(.failure(.upstream(call.attempts))) }
            }
        } catch {
            // Nobody else hears of it: they see this lease end, and one of them asks for itself.
            finish(.failure(.upstream(call.attempts)))
        }
    }

    // MARK: Ending

    /// Whether somebody else holds the lease, or has ended it with an outcome that answers this call's callers.
    private func othersMayAnswer() -> Bool {
        let deadline = MonotonicInstant.now().advanced(by: configuration.publishTimeout)
        let decision = try? table.look(at: tenure.key, as: Claim(joined: tenure.generation), deadline: deadline)
        switch decision {
        case .hit, .failed, .join: return true
        case .wait, .claimable, nil: return false
        }
    }

    private func finish(_ outcome: FlightOutcome) {
        leader.flights.remove(leader.flight)
        leader.flight.finish(outcome)
    }

    /// Somebody stored a result: this flight's callers get that one.
    private func adopt(_ sealed: SealedOutcome, otherwise own: UpstreamSuccess? = nil) -> Bool {
        if let stored = FlightLeader.payload(of: sealed, key: tenure.key, OutcomePayload.decodeSuccess) {
            finish(.success(stored))
        } else if let own {
            finish(.success(own))
        } else {
            return rejoin()
        }
        return false
    }

    /// The lease is somebody else's by now: this flight waits for their outcome like any other.
    private func rejoin() -> Bool {
        FlightThread.handOver(leader, Handover(claim: Claim(joined: tenure.generation), table: table))
        return false
    }
}
