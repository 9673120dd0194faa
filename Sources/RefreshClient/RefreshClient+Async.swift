import FleetCounters
import LeaseTable
import ProcessSupport

extension RefreshClient {
    /// As ``refresh(_:deadline:lease:)``, for Swift servers: suspends, and never blocks a thread of the cooperative pool
    /// for longer than a read of the table.
    ///
    /// Cancelling the task ends this caller only: it throws `CancellationError` at once, and the refresh goes on for the
    /// others and for the next.
    ///
    /// Not for a process that forks without exec after it was used: Swift's own thread pool does not survive that.
    ///
    /// - Throws: ``TokenRefreshError`` with this caller's own context, or `CancellationError`.
    public func refresh(_ request: RefreshRequest, deadline: Duration? = nil) async throws -> RefreshResult {
        let began = MonotonicInstant.now()
        let until = began.advanced(by: deadline ?? configuration.callerDeadline)
        do throws(FlightFailure) {
            let key = try key(of: request)
            let flights = FlightTable.current(for: directory)
            // No waiting here: what is not to be had at once is left to the flight.
            var seen = Handover()
            if let result = storedResult(key, in: flights, since: began, deadline: began, otherwise: &seen) {
                return RefreshResult(result)
            }
            let caller = AsyncCaller(deadline: until)
            let outcome = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if caller.suspend(continuation) { enroll(caller, key, request, in: flights) }
                }
            } onCancel: {
                caller.cancel()
            }
            if let outcome {
                flights.slot?.countCaller(outcome, from: caller.origin, since: began)
                return RefreshResult(try outcome.get())
            }
            flights.slot?.countCaller(.callersCancelled, since: began)
        } catch {
            throw TokenRefreshError(error, context: request.context)
        }
        throw CancellationError()
    }

    /// Refreshes by token and organization, as the reference implementation's function of that name does: the asynchronous
    /// `refresh`, with its cancellation, its limits and the configured deadline.
    ///
    /// - Throws: ``TokenRefreshError`` with this caller's own context, or `CancellationError`.
    public func refreshTokens(
        _ refreshToken: String, organizationID: String? = nil, context: RefreshContext = RefreshContext()
    ) async throws -> RefreshResult {
        try await refresh(
            RefreshRequest(refreshToken: refreshToken, organizationID: organizationID, context: context))
    }

    private func enroll(_ caller: AsyncCaller, _ key: KeyMaterial, _ request: RefreshRequest, in flights: FlightTable)
    {
        let (flight, isNew) = flights.flightToJoin(key)
        caller.joined(flight)
        DeadlineWatch.current().add(caller)
        let mustLead = flight.enroll(caller)
        if isNew || mustLead {
            caller.leads()
            FlightThread.start(leader(of: flight, in: flights, request), until: caller.deadline)
        } else {
            caller.waits(WaitMark(in: flights, for: key.recordKey))
        }
        // Cancelled in between: what was just entered is taken out again.
        if caller.hasEnded {
            _ = flight.dismiss(caller)
            DeadlineWatch.current().remove(caller)
        }
    }
}
