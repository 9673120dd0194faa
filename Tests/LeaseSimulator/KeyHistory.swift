import LeaseTable
import ProcessSupport

/// What is known of one key in one environment from the events alone, without looking at the record: what the checks
/// measure the record by.
struct KeyHistory {
    /// Every tenure that was granted, in order.
    var tenures: [SimulatedTenure] = []
    /// The result that must be the answer, until the instant.
    var result: (body: Int, keptUntil: BootInstant)?
    /// The failure that must reach those who joined its generation or an earlier one, until the instant.
    var failure: (generation: Generation, keptUntil: BootInstant)?
    /// Until when a terminal failure answers everyone.
    var terminalUntil = BootInstant.zero
    /// Before when nobody is to call.
    var notBefore = BootInstant.zero
    /// Every body that was ever stored.
    var stored: [Int] = []

    func tenure(_ generation: Generation) -> SimulatedTenure? {
        tenures.last { $0.generation == generation }
    }

    /// The body that is kept.
    func kept(at now: BootInstant) -> Int? { result.flatMap { now < $0.keptUntil ? $0.body : nil } }
}

/// One tenure: what its holder knows (`Tenure`), and what the checks know of it.
final class SimulatedTenure {
    let generation: Generation
    let key: Int
    let table: SimulatedTable
    let process: SimulatedProcess
    let pipe: SimulatedPipe?
    let pipeName: WakePipeName
    let takeover: TakeoverReason?
    /// Its end, as granted and renewed.
    var leaseEnds: BootInstant
    /// Its call is on the way or being answered.
    var isCalling = false
    /// When and by whom the record ceased to be held by it.
    var end: (step: Int, by: SimulatedThread)?
    /// Ended by an outcome rather than by a takeover.
    var isSettled = false
    /// A late success could not wake its waiters, the pipe's name being gone with its directory: they wake when its own
    /// holder ends.
    var isOutOfReach = false
    /// Its holder has let it go, and closed the pipe.
    var isReleased = false

    init(
        generation: Generation, key: Int, table: SimulatedTable, process: SimulatedProcess, pipe: SimulatedPipe?,
        pipeName: WakePipeName, takeover: TakeoverReason?, leaseEnds: BootInstant
    ) {
        self.generation = generation
        self.key = key
        self.table = table
        self.process = process
        self.pipe = pipe
        self.pipeName = pipeName
        self.takeover = takeover
        self.leaseEnds = leaseEnds
    }

    var isAbandoned: Bool { isReleased || !process.isAlive }
}
