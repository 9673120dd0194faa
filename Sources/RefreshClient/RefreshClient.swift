import FleetCounters
public import LeaseTable
import Logging
import ProcessSupport

/// What a worker process links: refreshes each token once, however many callers and processes ask at the same moment.
///
/// Callers of one process share one flight; the processes of one machine share one lease, in the table at
/// ``directory``. Whoever holds the lease calls the upstream, and everyone gets its answer.
///
/// A plain value without state of its own: make it before or after fork(2), in the master or in each worker, as often
/// as you like. Nothing is opened before the first call. Thread-safe; usable in forked children, also where the parent
/// has used it, and where another thread of it was just doing so: see `Forks`.
public struct RefreshClient: Sendable {
    /// Where the lease table lives, and why there.
    public let directory: TableDirectory
    /// The durations, sizes and choices.
    public let configuration: RefreshConfiguration
    private let upstream: any Upstream
    private let keys: KeyDerivation

    /// Makes a client.
    ///
    /// - Throws: `ConfigurationError` where the configuration contradicts itself. That the directory cannot be used is
    ///   found out, and said, by the first call.
    public init(
        upstream: any Upstream, configuration: RefreshConfiguration = RefreshConfiguration()
    ) throws(ConfigurationError) {
        self = try Forks.heldOff { () throws(ConfigurationError) in
            try RefreshClient(upstream, configuration)
        }
    }

    private init(_ upstream: any Upstream, _ configuration: RefreshConfiguration) throws(ConfigurationError) {
        try configuration.validate()
        var configuration = configuration
        configuration.logger.handler = PatientLogHandler(configuration.logger.handler)
        self.configuration = configuration
        self.upstream = upstream
        keys = KeyDerivation(endpoint: upstream.endpoint, clientID: upstream.clientID)
        directory = TableDirectory.choose(named: configuration.directory)
    }

    /// Refreshes, or takes part in a refresh that is under way anywhere on the machine, or takes the result of one that
    /// was made within its retention. Blocks, for `deadline` at the most (the configuration's where it is `nil`).
    ///
    /// A caller whose time is up returns; the call that it may have begun goes on, and its result is found by the next.
    ///
    /// - Parameters:
    ///   - request: What is to be refreshed, and for whom.
    ///   - deadline: How long this caller waits at the most.
    ///   - lease: How long the lease lasts, if this caller gets it, unless it is renewed; `nil` for the
    ///     configuration's. What is shorter than the request timeout is renewed before the call is sent.
    /// - Throws: ``TokenRefreshError``, with this request's own context.
    public func refresh(
        _ request: RefreshRequest, deadline: Duration? = nil, lease: Duration? = nil
    ) throws(TokenRefreshError) -> RefreshResult {
        let began = MonotonicInstant.now()
        let until = began.advanced(by: deadline ?? configuration.callerDeadline)
        return try Forks.heldOff { () throws(TokenRefreshError) in
            do throws(FlightFailure) {
                return RefreshResult(try outcome(of: request, lease: lease, since: began, until: until).get())
            } catch {
                throw TokenRefreshError(error, context: request.context)
            }
        }
    }

    /// What happened in this process, in this client's directory, since the process began.
    public var counts: RefreshCounts { Forks.heldOff { FlightTable.current(for: directory).counted } }

    // MARK: Inside

    private func outcome(
        of request: RefreshRequest, lease: Duration?, since began: MonotonicInstant, until deadline: MonotonicInstant
    ) throws(FlightFailure) -> FlightOutcome {
        let key = try key(of: request)
        let flights = FlightTable.current(for: directory)
        var known = Handover()
        if let result = storedResult(key, in: flights, since: began, deadline: deadline, otherwise: &known) {
            return .success(result)
        }
        let (flight, isNew) = flights.flightToJoin(key)
        let leader = leader(of: flight, in: flights, request, lease: lease)
        let (outcome, origin) = fly(flight, leader, isNew: isNew, knowing: known, until: deadline)
        flights.slot?.countCaller(outcome, from: origin, since: began)
        return outcome
    }

    /// Leads a flight or follows it, to its outcome or the deadline.
    private func fly(
        _ flight: Flight, _ leader: FlightLeader, isNew: Bool, knowing seen: Handover,
        until deadline: MonotonicInstant
    ) -> (FlightOutcome, OutcomeOrigin) {
        var leads = isNew
        var known = seen
        while true {
            if leads {
                if case .deadline(let handover) = leader.lead(until: deadline, knowing: known) {
                    FlightThread.handOver(leader, handover)
                    return (flight.outcomeAtDeadline ?? .failure(.deadline(nil)), .othersCall)
                }
            }
            // Who has led waits for its own call.
            let mark = leads ? nil : WaitMark(in: leader.flights, for: flight.key.recordKey)
            defer { mark?.end() }
            switch flight.follow(until: deadline) {
            case .outcome(let outcome): return (outcome, leads ? flight.cameFrom : .othersCall)
            case .leads:
                leads = true
                known = flight.handedDown
            case .deadline: return (.failure(.deadline(nil)), .othersCall)
            }
        }
    }

    func key(of request: RefreshRequest) throws(FlightFailure) -> KeyMaterial {
        do throws(KeyPartsError) {
            return try keys.keys(
                of: request.refreshToken, organizationID: request.organizationID, scope: request.scope,
                resource: request.resource, audience: request.audience)
        } catch {
            throw .request(error)
        }
    }

    /// A result that is stored already, where the table is open and nobody in this process is on the key: the way that
    /// most late callers take, without a flight.
    ///
    /// - Parameter seen: Set, where there is none, to what was seen instead: for the leader of a flight that is new.
    func storedResult(
        _ key: KeyMaterial, in flights: FlightTable, since began: MonotonicInstant, deadline: MonotonicInstant,
        otherwise seen: inout Handover
    ) -> UpstreamSuccess? {
        guard let table = flights.openTable(withoutFlightOf: key.recordKey),
            let decision = try? table.look(at: key, as: Claim(), deadline: deadline)
        else { return nil }
        if case .hit(let sealed) = decision, let success = sealed.payload(for: key, OutcomePayload.decodeSuccess) {
            flights.count(\.hits, .hits)?.countCaller(.callersStored, since: began)
            return success
        }
        seen = Handover(table: table, seen: decision)
        return nil
    }

    func leader(
        of flight: Flight, in flights: FlightTable, _ request: RefreshRequest, lease: Duration? = nil
    ) -> FlightLeader {
        var configuration = configuration
        configuration.lease = lease ?? configuration.lease
        return FlightLeader(
            flights: flights, flight: flight, request: request, upstream: upstream, configuration: configuration)
    }
}
