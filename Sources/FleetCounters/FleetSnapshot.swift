public import LeaseTable
import ProcessSupport

/// What all processes of a table have counted, those that have ended included, as of one moment; and who waits now.
public struct FleetSnapshot: Sendable {
    /// The slots there are.
    public static let slots = CounterLayout.slotCount

    private let words: [UInt64]
    /// How many callers wait for each key at present. What is not here, nobody waits for.
    public let waiters: [RecordKey: Int]
    /// Callers that wait for keys besides: processes that wait for many at once name only some.
    public let unnamedWaiters: Int
    /// Slots in use, by processes that may have ended since.
    public let slotsInUse: Int

    /// Reads the file of a table; only reads, and waits for nobody.
    ///
    /// - Throws: ``CounterFileError`` where there is nothing to read.
    public init(of table: LeaseTable) throws(CounterFileError) {
        try self.init(CounterFile.open(of: table, writable: false)) { $0.process.isAlive }
    }

    init(_ file: CounterFile, isAlive: (SlotOwner) -> Bool) throws(CounterFileError) {
        guard let sums = Self.sums(file) else { throw .busy(path: file.path) }
        words = sums
        let owners = file.owners
        var waiters: [RecordKey: Int] = [:]
        var (unnamed, used) = (0, 0)
        for index in 0..<owners.count {
            let owner = owners.load(index)
            guard owner != 0 else { continue }
            used += 1
            let entries = file.entries(index)
            var mine: [(RecordKey, Int)] = []
            entries.forEach { mine.append(($0, $1)) }
            let others = entries.unnamed
            // Who has died waits no more. Asking takes a system call or three, so only where it matters.
            guard !mine.isEmpty || others > 0, isAlive(SlotOwner(word: owner)), owners.load(index) == owner else {
                continue
            }
            for (key, count) in mine { waiters[key, default: 0] += count }
            unnamed += others
        }
        self.waiters = waiters
        unnamedWaiters = unnamed
        slotsInUse = used
    }

    /// The sums of total and slots, none twice; `nil` where slots were being folded all the while.
    private static func sums(_ file: CounterFile) -> [UInt64]? {
        let folding = CounterFolding(file: file)
        let owners = file.owners
        for _ in 0..<1000 {
            let before = folding.state
            SharedWords.fence()
            let total = folding.total(before.active)
            var sums = (0..<CounterLayout.countedLength).map { total.load($0) }
            for index in 0..<owners.count where index != before.pending && owners.load(index) != 0 {
                let slot = file.slot(index)
                for word in 0..<sums.count { sums[word] = sums[word] &+ slot.load(word) }
            }
            SharedWords.fence()
            if folding.state == before { return sums }
        }
        return nil
    }

    /// A counter's sum.
    public subscript(_ counter: FleetCounter) -> UInt64 { words[counter.rawValue] }

    /// A histogram's sums.
    public subscript(_ histogram: FleetHistogram) -> FleetDurations {
        let start = CounterLayout.histogram(histogram)
        let end = start + CounterLayout.histogramLength - 1
        return FleetDurations(buckets: Array(words[start..<end]), nanoseconds: words[end])
    }

    /// Callers that got an outcome, in whatever way.
    public var served: UInt64 { self[.callersCalled] &+ self[.callersWaited] &+ self[.callersStored] }

    /// Of the callers that got an outcome, the share (0 to 1) that needed no call of their own; `nil` before the first.
    public var coalesced: Double? {
        served == 0 ? nil : Double(self[.callersWaited] &+ self[.callersStored]) / Double(served)
    }
}
