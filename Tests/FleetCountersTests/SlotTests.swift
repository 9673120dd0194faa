import Glibc
import LeaseTable
import ProcessSupport
import TableTestSupport
import Testing

@testable import FleetCounters

/// Slots of real processes, living and dead.
@Suite(.timeLimit(.minutes(2))) struct SlotTests {
    private let counted: Counted

    init() throws {
        counted = try Counted()
    }

    private func ask(_ worker: Program, _ command: String, _ location: SourceLocation = #_sourceLocation) throws
        -> String
    {
        worker.send(line: command)
        return try #require(worker.outputLine(), "\(command)", sourceLocation: location)
    }

    // The file is made by one of them, whichever; no two get the same slot, and nothing that is counted is lost, neither
    // when they are killed nor when their slots are folded.
    @Test func manyProcessesClaimAtOnce() throws {
        let workers = try (0..<24).map { _ in try counted.worker() }
        for worker in workers { worker.send(line: "claim") }
        for worker in workers { #expect(worker.outputLine() == "claimed") }
        #expect(try counted.snapshot().slotsInUse == 24)
        for worker in workers { worker.send(line: "count 500") }
        for worker in workers { #expect(worker.outputLine() == "counted") }
        var snapshot = try counted.snapshot()
        #expect(common(snapshot) == 12_000)
        #expect(snapshot[.call].count == 12_000)
        #expect(snapshot[.call].nanoseconds == 12_000_000_000)
        for worker in workers {
            worker.send(SIGKILL)
            _ = worker.finish()
        }
        #expect(try FleetCounters.foldDead(in: counted.table, deadline: soon()) == 24)
        snapshot = try counted.snapshot()
        #expect(common(snapshot) == 12_000)
        #expect(snapshot.slotsInUse == 0)
        #expect(snapshot[.upstreamCall] == snapshot[.call])
    }

    /// All of them look for a free slot from the same place on, at the same moment.
    @Test func noSlotIsGivenTwice() throws {
        let file = try counted.madeFile()
        let (threads, each) = (4, 120)
        for _ in 0..<20 {
            file.owners.clear()
            let (arrived, taken) = (Taken(), Taken())
            for thread in 0..<threads {
                try LibraryThread.start {
                    arrived.add([thread])
                    while arrived.indices.count < threads {}
                    let mine = (0..<each).compactMap {
                        ProcessSlots.claimed(in: file, for: nobody(thread * each + $0))
                    }
                    taken.add(mine)
                }
            }
            try #require(awaiting { taken.indices.count == threads * each })
            #expect(Set(taken.indices).count == threads * each)
        }
    }

    /// One slot for a process, however often it asks.
    @Test func aProcessHasOneSlot() throws {
        let slot = try FleetCounters.slot(in: counted.table, deadline: soon())
        #expect(try FleetCounters.slot(in: counted.table, deadline: soon()) === slot)
        slot.count(.waits)
        let snapshot = try counted.snapshot()
        #expect(snapshot.slotsInUse == 1)
        #expect(snapshot[.waits] == 1)
        #expect(FleetCounter.allCases.reduce(0) { $0 + snapshot[$1] } == 1)
    }

    @Test func aForkedChildHasItsOwn() throws {
        let worker = try counted.worker()
        #expect(try ask(worker, "count 2") == "counted")
        #expect(try ask(worker, "wait parent") == "waiting")
        let child = try #require(Int32(try ask(worker, "fork 3").dropFirst("child ".count)))
        var snapshot = try counted.snapshot()
        #expect(snapshot.slotsInUse == 2)
        #expect(snapshot[.claims] == 5)
        #expect(snapshot.waiters == [try key("parent").recordKey: 1, try key("child").recordKey: 1])
        // The child's slot is not its parent's: it goes with the child.
        kill(child, SIGKILL)
        #expect(try awaiting { try counted.snapshot().waiters == [key("parent").recordKey: 1] })
        #expect(try FleetCounters.foldDead(in: counted.table, deadline: soon()) == 1)
        #expect(try ask(worker, "count 1") == "counted")
        snapshot = try counted.snapshot()
        #expect(snapshot[.claims] == 6)
        #expect(snapshot.slotsInUse == 1)
    }

    /// Who was killed while it waited waits no more, before its slot is folded and after.
    @Test func theDeadDoNotWait() throws {
        let worker = try counted.worker()
        #expect(try ask(worker, "wait token") == "waiting")
        let key = try key("token").recordKey
        #expect(try counted.snapshot().waiters == [key: 1])
        worker.send(SIGKILL)
        _ = worker.finish()
        #expect(try counted.snapshot().waiters == [:])
        #expect(try FleetCounters.foldDead(in: counted.table, deadline: soon()) == 1)
        // Its slot is another's now.
        let next = try counted.worker()
        #expect(try ask(next, "claim") == "claimed")
        #expect(try counted.snapshot().waiters == [:])
    }

    @Test func whereEverySlotIsTakenByTheLivingNothingIsCounted() throws {
        let file = try counted.madeFile()
        let living = try #require(SlotOwner(.current()))
        for index in 0..<CounterLayout.slotCount { file.owners.store(index, living.word) }
        let worker = try counted.worker()
        #expect(try ask(worker, "claim").contains("512 processes count here already"))
        #expect(try counted.snapshot().slotsInUse == CounterLayout.slotCount)
    }

    /// … and by the dead: who comes folds them, without any daemon.
    @Test func whoComesFoldsTheDead() throws {
        let file = try counted.madeFile()
        for index in 0..<CounterLayout.slotCount { fill(file, index, nobody(index), value: 1) }
        let worker = try counted.worker()
        #expect(try ask(worker, "count 1") == "counted")
        let snapshot = try counted.snapshot()
        #expect(snapshot[.hits] == UInt64(CounterLayout.slotCount) + 1)
        #expect(snapshot.slotsInUse == 1)
    }

    /// A program that is run in the place of another has its pid and start time, and none of its callers.
    @Test func whoRunsAnotherProgramKeepsTheSlotAndNotItsCallers() throws {
        let file = try counted.madeFile()
        let mine = try #require(SlotOwner(.current()))
        fill(file, 77, mine, value: 4)
        _ = file.entries(77).enter(try key("left").recordKey)
        let slot = try FleetCounters.slot(in: counted.table, deadline: soon())
        #expect(slot.index == 77)
        let snapshot = try counted.snapshot()
        #expect(snapshot.waiters == [:])
        #expect(common(snapshot) == 4)
    }
}

private final class Taken: @unchecked Sendable {
    private let mutex = TimedMutex()
    private var list: [Int] = []

    var indices: [Int] { mutex.withLock { list } }

    func add(_ more: [Int]) { mutex.withLock { list += more } }
}
