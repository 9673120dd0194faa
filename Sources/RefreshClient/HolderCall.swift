import LeaseTable
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
            case .failure:
                return fail(call.attempts)
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
                    leader.finish(.failure(error.isTimeout ? .deadline(error) : .coordination(error)))
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
            fail(call.attempts)
            return false
        }
    }

    private func publish(_ success: UpstreamSuccess) {
        leader.flight.hold(unpublished: success)
        let publication = Publication(of: success, table: table, tenure: tenure)
        do throws(LeaseTableError) {
            leader.finish(.success(try publication.attempt()))
        } catch {
            // It is this process's whatever becomes of the table.
            leader.finish(.success(success))
            publication.insist(after: error)
        }
    }

    private func fail(_ attempts: [UpstreamFailure]) {
        switch FailureReport(of: attempts, table: table, tenure: tenure).attempt() {
        case .counts: leader.finish(.failure(.upstream(attempts)))
        case .adopted(let success): leader.finish(.success(success))
        case .othersMayAnswer: rejoin()
        }
    }

    // MARK: Ending

    /// Somebody stored a result: this flight's callers get that one.
    private func adopt(_ sealed: SealedOutcome) -> Bool {
        if let stored = sealed.payload(for: tenure.key, OutcomePayload.decodeSuccess) {
            leader.finish(.success(stored), from: .othersCall)
            return false
        }
        return rejoin()
    }

    /// The lease is somebody else's by now: this flight waits for their outcome like any other.
    @discardableResult
    private func rejoin() -> Bool {
        FlightThread.handOver(leader, Handover(claim: Claim(joined: tenure.generation), table: table))
        return false
    }
}
