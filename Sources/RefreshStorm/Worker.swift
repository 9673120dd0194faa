import Crypto
import FoundationEssentials
import Glibc
import ProcessSupport
import RefreshClient
import StormSupport
import WorkOS

/// A forked worker: reads orders, has its threads make the calls, writes reports, until its pipe is closed.
struct Worker: Sendable {
    let client: RefreshClient
    let orders: Int32
    let reports: Int32

    /// Never returns: a forked child must not run its parent's exit handlers.
    func run() -> Never {
        var input = LineReader(descriptor: orders)
        while let line = input.next() {
            guard let order = try? JSONDecoder().decode(RoundOrder.self, from: Data(line)),
                let answer = try? JSONEncoder().encode(perform(order)),
                Pipes.write(Array(answer) + [UInt8(ascii: "\n")], to: reports)
            else { _exit(70) }
        }
        _exit(0)
    }

    private func perform(_ order: RoundOrder) -> [CallReport] {
        let results = Results(expected: order.threads.count)
        for calls in order.threads {
            do throws(SystemCallError) {
                try LibraryThread.start { results.add(calls.map { perform($0, startAt: order.startAt) }) }
            } catch {
                results.add(calls.map { failed($0, "\(error)") })
            }
        }
        return results.wait()
    }

    private func perform(_ call: RoundOrder.Call, startAt: UInt64) -> CallReport {
        let begin = MonotonicInstant(nanoseconds: startAt + call.offset)
        pause(for: MonotonicInstant.now().duration(to: begin))
        let request = RefreshRequest(
            refreshToken: call.token, organizationID: call.organization,
            context: RefreshContext(userID: call.userID, sessionID: call.sessionID))
        var report = CallReport(
            tokenIndex: call.tokenIndex, organization: call.organization,
            startedAt: MonotonicInstant.now().nanoseconds, endedAt: 0)
        do throws(TokenRefreshError) {
            let result = try client.refresh(request)
            report.endedAt = MonotonicInstant.now().nanoseconds
            report.result = SHA256.hash(data: result.body).description
            report.resultOrganization = try? TokenResponse(decoding: result.body).organizationID
        } catch {
            report.endedAt = MonotonicInstant.now().nanoseconds
            report.reason = error.reason.rawValue
            report.isTerminal = !error.isRetryable
            report.hasOwnContext = error.userID == call.userID && error.sessionID == call.sessionID
            report.detail = error.description
        }
        return report
    }

    private func failed(_ call: RoundOrder.Call, _ why: String) -> CallReport {
        var report = CallReport(
            tokenIndex: call.tokenIndex, organization: call.organization, startedAt: 0, endedAt: 0)
        report.reason = "no_thread"
        report.detail = why
        return report
    }
}

/// What the threads of one round have reported so far.
private final class Results: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    private var missing: Int
    private var reports: [CallReport] = []

    init(expected: Int) {
        missing = expected
        changed = TimedMutex.Condition(of: mutex)
    }

    func add(_ more: [CallReport]) {
        mutex.withLock {
            reports += more
            missing -= 1
        }
        changed.broadcast()
    }

    func wait() -> [CallReport] {
        mutex.withLock {
            while missing > 0 { _ = changed.wait(until: MonotonicInstant.now().advanced(by: .seconds(60))) }
            return reports
        }
    }
}
