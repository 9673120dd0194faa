import Glibc
import LMDB
import LeaseTable
import ProcessSupport
import RefreshClient
import SeededRandom
import StormSupport

/// Runs the rounds of one scenario.
final class Storm {
    private let options: StormOptions
    private let control: ControlClient
    private let client: RefreshClient
    private let fleet: Fleet
    private var generator: SeededGenerator
    private var seenEvents: UInt64 = 0
    private let organizations = ["org_alpha", "org_beta"]

    init(options: StormOptions, control: ControlClient, client: RefreshClient) throws {
        self.options = options
        self.control = control
        self.client = client
        generator = SeededGenerator(seed: options.seed)
        fleet = try Fleet(client: client, processes: options.processes)
    }

    /// Runs all rounds; `progress` is told how many are done.
    func run(progress: (Int) -> Void) throws -> Summary {
        defer { fleet.dismiss() }
        try control.change(#"{"delay_ms":\#(options.delay),"replay_grace_s":\#(options.replayGrace)}"#)
        seenEvents = try control.events(after: 0).last?.seq ?? 0
        var summary = Summary(options: options)
        for round in 0..<options.rounds {
            try runRound(round, into: &summary)
            progress(round + 1)
        }
        return summary
    }

    private func runRound(_ round: Int, into summary: inout Summary) throws {
        let tokens = try (0..<options.tokens).map { _ in try control.signIn() }
        try setFaults(tokens)
        seenEvents = try control.events(after: seenEvents).last?.seq ?? seenEvents
        let callsBefore = try control.allRefreshCalls()
        try fleet.send(orders(round, tokens))
        var killed: BootInstant?
        if options.scenario == .killHolder { killed = try killHolder(of: tokens[0]) }
        let reports = try fleet.collect().compactMap { $0 }.flatMap { $0 }
        let calls = try control.allRefreshCalls() - callsBefore
        let events = try control.events(after: seenEvents)
        seenEvents = events.last?.seq ?? seenEvents
        var takeover: Duration?
        if let killed {
            takeover = try successorsClaim().map { killed.duration(to: $0) }
            try fleet.replaceDead()
        }
        summary.add(round: reports, tokens: tokens, calls: calls, events: events, takeover: takeover)
        if options.scenario == .terminal { summary.retried = try retryAfterRetention(round, tokens[0]) }
    }

    private func setFaults(_ tokens: [String]) throws {
        for token in tokens {
            let hash = ControlClient.hash(of: token)
            switch options.scenario {
            case .terminal:
                try control.addFault(#"{"kind":"invalid_grant","token_hash":"\#(hash)"}"#)
            case .rateLimited:
                try control.addFault(
                    #"{"kind":"status","status":429,"retry_after":2,"token_hash":"\#(hash)"}"#)
            case .killHolder where options.rotatesFirst:
                try control.addFault(
                    #"{"kind":"rotate_first","delay_ms":\#(options.delay),"token_hash":"\#(hash)"}"#)
            default: break
            }
        }
    }

    private func orders(_ round: Int, _ tokens: [String]) -> [RoundOrder] {
        // Time for the orders to arrive and the threads to start, so that the callers begin together.
        let lead = Duration.milliseconds(20) + .microseconds(100) * options.processes * options.callers
        let startAt = MonotonicInstant.now().advanced(by: lead).nanoseconds
        var threads = [[[RoundOrder.Call]]](
            repeating: [[RoundOrder.Call]](repeating: [], count: options.callers), count: options.processes)
        func call(_ token: Int, _ caller: Int, offset: UInt64 = 0, organization: String? = nil) -> RoundOrder.Call {
            RoundOrder.Call(
                tokenIndex: token, token: tokens[token], organization: organization, offset: offset,
                userID: "user_\(round)_\(caller)", sessionID: "session_\(round)_\(caller)")
        }
        if options.scenario == .distinct {
            // Each token is asked for by two processes.
            for token in tokens.indices {
                for process in [token % options.processes, (token + 1) % options.processes] {
                    let thread = token / options.processes % options.callers
                    threads[process][thread].append(call(token, token))
                }
            }
        } else {
            for process in 0..<options.processes {
                for thread in 0..<options.callers {
                    let caller = process * options.callers + thread
                    let isFirst = caller == 0
                    let offset: UInt64 =
                        options.scenario == .late && !isFirst ? .random(in: 0...5_000_000_000, using: &generator) : 0
                    let organization = options.scenario == .organizations ? organizations[caller % 2] : nil
                    threads[process][thread] = [
                        call(caller % tokens.count, caller, offset: offset, organization: organization)
                    ]
                }
            }
        }
        return threads.map { RoundOrder(round: round, startAt: startAt, threads: $0) }
    }

    /// Waits until the upstream has the request, then kills who holds the lease.
    private func killHolder(of token: String) throws -> BootInstant {
        let arrived = try control.await(
            options.rotatesFirst ? "rotated" : "request_arrived", of: token, after: seenEvents)
        let moment = MonotonicInstant(nanoseconds: arrived.timeNs).advanced(by: .milliseconds(options.killAfter))
        pause(for: MonotonicInstant.now().duration(to: moment))
        for lease in try leases() {
            guard case .success(let record) = lease.record, record.state == .held else { continue }
            if let killed = fleet.kill(record.holder.pid) { return killed }
        }
        throw StormError("no worker held a lease \(options.killAfter) ms into the call")
    }

    private func successorsClaim() throws -> BootInstant? {
        try leases().compactMap { (lease) -> BootInstant? in
            guard case .success(let record) = lease.record, record.state == .success, record.attempt > 1 else {
                return nil
            }
            return record.claimedAt
        }.max()
    }

    private func leases() throws -> [ListedLease] {
        let deadline = MonotonicInstant.now().advanced(by: .seconds(5))
        return try LeaseTable(client.configuration, in: client.directory, role: .inspector, deadline: deadline)
            .leases(deadline: deadline)
    }

    /// Asks once more when the failure is not kept any longer: whether that made a call of its own.
    private func retryAfterRetention(_ round: Int, _ token: String) throws -> Bool {
        let keptUntil = try leases().compactMap { (lease) -> BootInstant? in
            guard case .success(let record) = lease.record else { return nil }
            return record.state == .failedTerminal ? record.keptUntil : nil
        }.max()
        guard let keptUntil else { return false }
        pause(for: BootInstant.now().duration(to: keptUntil))
        let before = try control.allRefreshCalls()
        let call = RoundOrder.Call(
            tokenIndex: 0, token: token, organization: nil, offset: 0, userID: "user", sessionID: "session")
        var orders = [RoundOrder](
            repeating: RoundOrder(round: round, startAt: 0, threads: []), count: options.processes)
        orders[0].threads = [[call]]
        try fleet.send(orders)
        let reports = try fleet.collect().compactMap { $0 }.flatMap { $0 }
        return try control.allRefreshCalls() - before == 1 && reports.allSatisfy { $0.result != nil }
    }
}
