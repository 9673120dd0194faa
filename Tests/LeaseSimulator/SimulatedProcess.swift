import LeaseTable

/// A worker process, and what its callers share: `FlightTable` and `DeadlineWatch`.
final class SimulatedProcess {
    let holder: Holder
    /// False from the moment it is killed.
    var isAlive = true
    /// Its pid still answers while the kernel takes the dead process apart.
    var hasPid = true
    var isStopped = false
    /// When it could last begin to run.
    var resumedAt: UInt64 = 0
    var openTable: SimulatedTable?
    var flights: [SimulatedFlight] = []
    /// Threads that died with it, whose descriptors and locks the kernel has yet to take.
    var corpses: [SimulatedThread] = []
    /// Suspended callers that were not resumed yet.
    var asyncCallers: [SimulatedCaller] = []
    /// For the variant that uses pipes again.
    var sparePipes: [SimulatedPipe] = []

    init(number: Int) {
        holder = Holder(pid: Int32(number + 1), startTime: UInt64(1_000 + number), uid: 1_000)
    }

    var canRun: Bool { isAlive && !isStopped }

    func flight(of key: Int) -> SimulatedFlight? { flights.first { $0.key == key } }

    func remove(_ flight: SimulatedFlight) {
        flights.removeAll { $0 === flight }
    }
}

/// Somebody who wants a key refreshed.
final class SimulatedCaller {
    let number: Int
    let key: Int
    let process: SimulatedProcess
    let isAsync: Bool
    let deadline: UInt64
    /// Resumed, returned, or dead with its process.
    var isDone = false
    var flight: SimulatedFlight?
    /// Still on its way through `enroll`, in the thread that called.
    var isEntering = true

    init(number: Int, key: Int, process: SimulatedProcess, isAsync: Bool, deadline: UInt64) {
        self.number = number
        self.key = key
        self.process = process
        self.isAsync = isAsync
        self.deadline = deadline
    }
}
