import LeaseTable
import Logging
import ProcessSupport

/// A result on its way into the table: the only one there will be.
struct Publication {
    let success: UpstreamSuccess
    private let payload: [UInt8]
    private let table: LeaseTable
    private let tenure: Tenure

    init(of success: UpstreamSuccess, table: LeaseTable, tenure: Tenure) {
        self.success = success
        self.table = table
        self.tenure = tenure
        payload = OutcomePayload.encode(success)
    }

    private var configuration: RefreshConfiguration { table.configuration }

    /// Tries once, for the publish timeout at the most. What is thrown has been logged.
    ///
    /// - Returns: What all callers get: this result, or the one that was stored before it.
    func attempt() throws(LeaseTableError) -> UpstreamSuccess {
        do throws(LeaseTableError) {
            return try store()
        } catch {
            configuration.logger.error(
                "a result could not be stored yet; this process has it, others wait",
                metadata: ["directory": "\(table.directory)", "error": "\(error)"])
            throw error
        }
    }

    private func store() throws(LeaseTableError) -> UpstreamSuccess {
        let deadline = MonotonicInstant.now().advanced(by: configuration.publishTimeout)
        switch try table.publish(tenure, result: payload, deadline: deadline) {
        case .adopted(let sealed):
            return sealed.payload(for: tenure.key, OutcomePayload.decodeSuccess) ?? success
        case .stored, .ignored: return success
        }
    }

    /// Goes on trying for as long as the result would be kept, with the pipe held and the lease renewed, after a first
    /// try has failed and this process's own callers were served. Blocks.
    func insist(after first: LeaseTableError) {
        let giveUp = MonotonicInstant.now().advanced(by: configuration.resultRetention)
        var error = first
        while true {
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
            do throws(LeaseTableError) {
                _ = try store()
                return
            } catch let next {
                error = next
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
}
