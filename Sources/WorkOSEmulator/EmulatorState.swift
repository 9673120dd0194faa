import NIOCore

/// Everything the emulator knows, and the only place where it changes.
///
/// A call passes through in three steps, each atomic: ``arrive(_:)``, then (after its delay) ``redeem(_:)``, then
/// ``answer(_:with:)`` or one of the other ends.
actor EmulatorState {
    /// What becomes of a call that has arrived.
    enum Admission {
        /// It is answered at once; nothing was rotated.
        case refused(Answer)
        /// It takes effect after the delay, with the fault, if any.
        case admitted(delay: Duration, fault: Fault?)
    }

    private let initialSettings: EmulatorSettings
    private let time: any TimeSource
    private(set) var settings: EmulatorSettings
    private(set) var issuer = ""
    private var sessions = SessionStore()
    private var limiter = RateLimiter()
    private var queue = FaultQueue()
    private var statistics = Statistics()
    private var log: EventLog

    init(settings: EmulatorSettings, time: any TimeSource, eventCapacity: Int = 65_536) {
        initialSettings = settings
        self.settings = settings
        self.time = time
        log = EventLog(capacity: eventCapacity)
    }

    // MARK: A call's way

    /// Counts a call and decides on it: credentials first, then the limits, then the faults.
    func arrive(_ call: RefreshCall) -> Admission {
        statistics.update(call.tokenHash) { $0.arrive() }
        record(.requestArrived, call, call.organizationID.map { ["organization_id": .string($0)] } ?? [:])
        if let answer = call.credentialsRefused(settings) {
            statistics.update(call.tokenHash) { $0.invalidClients += 1 }
            record(.invalidClient, call)
            self.answer(call, with: answer.status)
            return .refused(answer)
        }
        let email = sessions.email(of: call.token)
        if let refusal = limiter.admit(
            user: email ?? call.tokenHash.text, settings: settings, now: time.elapsed)
        {
            let answer = Answer.limited(refusal, settings: settings)
            statistics.update(call.tokenHash) { $0.rateLimited += 1 }
            record(.rateLimited, call, ["retry_after": .string(answer.retryAfter ?? "")])
            self.answer(call, with: answer.status)
            return .refused(answer)
        }
        let fault = queue.take(for: call.tokenHash, email: email)
        if let fault {
            statistics.update(call.tokenHash) { $0.faultsApplied += 1 }
            record(.faultApplied, call, ["fault": .string(fault.kind.rawValue)])
        }
        return .admitted(delay: fault?.delay ?? settings.delay, fault: fault)
    }

    /// Notes that a call's delay has passed with its client still there.
    func delayOver(_ call: RefreshCall) {
        record(.delayOver, call)
    }

    /// Uses the call's token.
    func redeem(_ call: RefreshCall) -> SessionStore.Redemption {
        let redemption = sessions.redeem(
            call.token, organizationID: call.organizationID, grace: settings.replayGrace, now: time.elapsed)
        switch redemption {
        case .rotated(let grant):
            statistics.update(call.tokenHash) { $0.rotations += 1 }
            record(.rotated, call, successor(grant))
        case .replayed(let grant):
            statistics.update(call.tokenHash) { $0.replaysAccepted += 1 }
            record(.replayAccepted, call, successor(grant))
        case .spent:
            statistics.update(call.tokenHash) { $0.replaysRejected += 1 }
            record(.replayRejected, call)
        case .unknown:
            statistics.update(call.tokenHash) { $0.unknownTokens += 1 }
            record(.tokenUnknown, call)
        }
        return redemption
    }

    /// Ends a call that is about to be answered.
    func answer(_ call: RefreshCall, with status: Int) {
        statistics.update(call.tokenHash) { $0.inFlight -= 1 }
        statistics.answered(status)
        record(.answered, call, ["status": .integer(Int64(status))])
    }

    /// Ends a call whose client has left.
    func abandon(_ call: RefreshCall, rotated: Bool) {
        statistics.update(call.tokenHash) {
            $0.inFlight -= 1
            $0.abandoned += 1
        }
        record(.clientGone, call, ["rotated": .bool(rotated)])
    }

    /// Ends a call whose connection the emulator is about to reset or close.
    func disconnect(_ call: RefreshCall, reset: Bool) {
        statistics.update(call.tokenHash) { $0.inFlight -= 1 }
        record(reset ? .connectionReset : .connectionClosed, call)
    }

    // MARK: Control

    /// Sets `iss` of the access tokens, once the port is known.
    func begin(issuer: String) {
        self.issuer = issuer
    }

    /// Makes a session.
    func signIn(_ request: SignIn, requestID: String) -> Grant {
        let grant = sessions.signIn(request, date: time.date)
        statistics.signedIn()
        append(
            .sessionCreated, requestID: requestID, tokenHash: TokenHash(of: grant.refreshToken),
            ["session_id": .string(grant.session.id), "user_id": .string(grant.session.userID)])
        return grant
    }

    /// Changes the settings, all or nothing.
    func change(_ patch: JSONValue) throws(ControlError) -> EmulatorSettings {
        settings = try settings.applying(patch)
        append(.settingsChanged, ["settings": settings.json])
        return settings
    }

    /// The faults still to come.
    var faults: [Fault] { queue.faults }

    /// Adds faults.
    func add(_ faults: [Fault]) {
        queue.add(faults)
        append(.faultsSet, ["faults": .integer(Int64(faults.count))])
    }

    /// Forgets the faults still to come.
    func clearFaults() {
        queue.clear()
        append(.faultsCleared)
    }

    /// What was counted.
    func counted() -> Statistics { statistics }

    /// Counts from zero again.
    func resetStatistics() {
        statistics.reset()
        append(.statsReset)
    }

    /// Back to the start: no sessions, faults, limits used up or counts, and the settings of the command line.
    func reset() {
        settings = initialSettings
        sessions = SessionStore()
        limiter = RateLimiter()
        queue.clear()
        statistics.reset()
        append(.reset)
    }

    // MARK: Events

    /// The last event's number.
    var lastEvent: UInt64 { log.last }

    /// Events after `sequence`.
    func events(after sequence: UInt64, limit: Int = 512) -> EventLog.Batch {
        log.batch(after: sequence, limit: limit)
    }

    /// Starts to listen for events.
    func listen() -> (id: Int, signals: AsyncStream<Void>, stop: AsyncStream<Void>.Continuation) {
        log.listen()
    }

    /// Ends what ``listen()`` began.
    func stopListening(_ id: Int) {
        log.stopListening(id)
    }

    private func successor(_ grant: Grant) -> [String: JSONValue] {
        ["successor_hash": .string(TokenHash(of: grant.refreshToken).text)]
    }

    private func record(_ kind: EmulatorEvent.Kind, _ call: RefreshCall, _ details: [String: JSONValue] = [:]) {
        append(kind, requestID: call.requestID, tokenHash: call.tokenHash, details)
    }

    private func append(
        _ kind: EmulatorEvent.Kind, requestID: String? = nil, tokenHash: TokenHash? = nil,
        _ details: [String: JSONValue] = [:]
    ) {
        log.append(
            EmulatorEvent(
                sequence: 0, nanoseconds: NIODeadline.now().uptimeNanoseconds, kind: kind,
                requestID: requestID,
                tokenHash: tokenHash, details: details))
    }
}

extension Answer {
    /// The refusal by a limit: the user's in one shape, the environment's in the other, as upstream has both.
    static func limited(_ refusal: RateLimiter.Refusal, settings: EmulatorSettings) -> Answer {
        // Whole seconds, rounded up: a client that waits so long finds room.
        let wait = refusal.wait.components
        let seconds = settings.retryAfter ?? max(1, Int(wait.seconds) + (wait.attoseconds > 0 ? 1 : 0))
        return switch refusal {
        case .user:
            .failure(
                429, "too_many_requests", "Could not process refresh token. Please retry.",
                retryAfter: String(seconds))
        case .environment:
            .failure(
                429, "rate_limit_exceeded", "Rate limit exceeded.", shape: .code, retryAfter: String(seconds))
        }
    }
}
