import FleetCounters
import LeaseTable
import Logging
import ProcessSupport
import ServiceLifecycle

/// Keeps the table tidy: removes records past their time, the slots of readers that were killed, and pipes that nobody
/// holds, and adds up what dead processes counted. Nothing depends on it: workers alone keep every guarantee, only with more room used.
///
/// The table's calls block their thread, each for ``DaemonConfiguration/operationTimeout`` at the most.
struct Housekeeping: Service {
    let configuration: DaemonConfiguration
    let directory: TableDirectory
    let logger: Logger
    /// Called once, when the table is open.
    let onReady: @Sendable () -> Void

    /// Runs until the service is stopped.
    ///
    /// - Throws: ``LeaseTableError`` where the table cannot be opened at the start. Later failures are logged, and the next
    ///   round tries again.
    func run() async throws {
        guard var table = try await firstOpening() else { return }
        logger.notice("keeping the lease table", metadata: describe(table))
        onReady()
        var trouble: String?
        while isWanted {
            let found = await round(&table)
            // Each trouble is said aloud once, not every few seconds.
            if let found {
                logger.log(
                    level: found == trouble ? .debug : .warning, "cannot tidy the lease table: \(found)")
            }
            if found == nil, trouble != nil { logger.notice("the lease table can be tidied again") }
            trouble = found
            // Cut short by a stop, which the loop then sees.
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: configuration.sweepInterval) }
        }
        logger.notice("stopped")
    }

    private var isWanted: Bool { !Task.isCancelled && !Task.isShuttingDownGracefully }

    private var operationDeadline: MonotonicInstant { .now().advanced(by: configuration.operationTimeout) }

    private func open() throws(LeaseTableError) -> LeaseTable {
        try LeaseTable(configuration.table, in: directory, deadline: operationDeadline)
    }

    /// Opens the table in short tries, so that a stop is obeyed meanwhile; `nil` where one came.
    private func firstOpening() async throws(LeaseTableError) -> LeaseTable? {
        let limit = MonotonicInstant.now().advanced(by: configuration.startTimeout)
        var isDelayed = false
        while isWanted {
            do throws(LeaseTableError) {
                return try open()
            } catch {
                guard error.isTimeout, MonotonicInstant.now() < limit else { throw error }
                if !isDelayed { logger.info("another process delays opening the lease table: \(error)") }
                isDelayed = true
            }
            await Task.yield()
        }
        return nil
    }

    /// One round; what stood in its way, or `nil`.
    private func round(_ table: inout LeaseTable) async -> String? {
        do throws(LeaseTableError) {
            if !table.isCurrent {
                table = try open()
                logger.warning("the directory had been removed; opened it anew", metadata: describe(table))
            }
            // The pipes need no lock, and the slots may give the room that removing records takes.
            let pipes = table.sweepPipes()
            let readers = try table.checkReaders(deadline: operationDeadline)
            let records = try await sweepRecords(of: table)
            let slots = foldCounters(of: table)
            if pipes + readers + records + slots > 0 {
                logger.debug(
                    "removed what nobody needs",
                    metadata: [
                        "records": "\(records)", "readers": "\(readers)", "pipes": "\(pipes)", "counters": "\(slots)",
                    ])
            }
            return nil
        } catch {
            return error.description
        }
    }

    /// Adds what dead processes counted to the total. Takes a slot itself, so that there is something to look at before
    /// the first refresh. Where that fails, metrics lack something, and nothing else does.
    private func foldCounters(of table: LeaseTable) -> Int {
        do throws(CounterFileError) {
            _ = try FleetCounters.slot(in: table, deadline: operationDeadline)
            return try FleetCounters.foldDead(in: table, deadline: operationDeadline)
        } catch {
            logger.debug("the counters cannot be tidied: \(error)")
            return 0
        }
    }

    /// Removes what is due, batch by batch until nothing is.
    private func sweepRecords(of table: LeaseTable) async throws(LeaseTableError) -> Int {
        var total = 0
        while isWanted {
            let removed = try table.sweep(atMost: configuration.sweepBatch, deadline: operationDeadline)
            total += removed
            if removed == 0 { break }
            try? await Task.sleep(for: configuration.batchPause)
        }
        return total
    }

    private func describe(_ table: LeaseTable) -> Logger.Metadata {
        [
            "directory": "\(table.directory.path)", "reason": "\(table.directory.reason.rawValue)",
            "environment": "\(table.environmentID)",
        ]
    }
}
