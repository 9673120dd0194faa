import LeaseTable
import ProcessSupport
import TableTestSupport
import Testing

@testable import FleetCounters

/// Which keys are waited for, and by how many.
@Suite struct WaitingEntriesTests {
    private let file: CounterFile
    private let entries: WaitingEntries
    private let counted: Counted

    init() throws {
        counted = try Counted()
        file = try counted.madeFile()
        entries = file.entries(9)
    }

    private func waiting() -> [RecordKey: Int] {
        var waiting: [RecordKey: Int] = [:]
        entries.forEach { waiting[$0, default: 0] += $1 }
        return waiting
    }

    @Test func callersOfOneKeyShareAPlace() throws {
        let (first, second) = (try key("first").recordKey, try key("second").recordKey)
        let places = [entries.enter(first), entries.enter(first), entries.enter(second)]
        #expect(waiting() == [first: 2, second: 1])
        entries.leave(places[0])
        #expect(waiting() == [first: 1, second: 1])
        entries.leave(places[1])
        entries.leave(places[2])
        #expect(waiting() == [:])
        // A place that was given back takes another key.
        let third = try key("third").recordKey
        for _ in 0..<100 { entries.leave(entries.enter(third)) }
        _ = entries.enter(third)
        #expect(waiting() == [third: 1])
    }

    @Test func whatHasNoRoomIsCountedAllTheSame() throws {
        var places: [WaitingEntries.Place] = []
        for number in 0..<CounterLayout.entryCount + 3 {
            places.append(entries.enter(try key("token-\(number)").recordKey))
        }
        #expect(waiting().count == CounterLayout.entryCount)
        #expect(entries.unnamed == 3)
        for place in places { entries.leave(place) }
        #expect(waiting() == [:])
        #expect(entries.unnamed == 0)
    }

    /// A reader that was interrupted after it saw a place in use does not take the next key for the former.
    @Test func aKeyIsReadWithItsOwnState() throws {
        let (first, second) = (try key("first").recordKey, try key("second").recordKey)
        let place = entries.enter(first)
        let state = entries.state(of: 0)
        #expect(entries.key(at: 0, since: state) == first)
        _ = entries.enter(first)
        #expect(entries.key(at: 0, since: state) == first)
        entries.leave(place)
        entries.leave(place)
        _ = entries.enter(second)
        #expect(entries.key(at: 0, since: state) == nil)
        #expect(entries.key(at: 0, since: entries.state(of: 0)) == second)
    }

    /// Threads that enter and leave at once, and one that reads: no key is seen that nobody waits for, and nothing is left.
    @Test(.timeLimit(.minutes(1))) func threadsDoNotDisturbEachOther() throws {
        let keys = try (0..<6).map { try key("token-\($0)").recordKey }
        let known = Set(keys)
        let done = Counter()
        for thread in 0..<4 {
            let entries = entries
            try LibraryThread.start {
                for round in 0..<20_000 { entries.leave(entries.enter(keys[(round + thread) % keys.count])) }
                done.add()
            }
        }
        while done.value < 4 {
            entries.forEach { key, count in
                #expect(known.contains(key))
                #expect(count <= 4)
            }
        }
        #expect(waiting() == [:])
        #expect(entries.unnamed == 0)
    }

    @Test func whatIsNoNumberOfCallersIsIgnored() {
        let slot = file.slot(9)
        for index in 0..<CounterLayout.entryCount {
            slot.store(CounterLayout.entriesStart + index * CounterLayout.entryLength, UInt64.max >> UInt64(index))
        }
        slot.store(CounterLayout.waitingElsewhere, .max)
        #expect(waiting() == [:])
        #expect(entries.unnamed == 0)
    }
}

private final class Counter: @unchecked Sendable {
    private let mutex = TimedMutex()
    private var number = 0

    var value: Int { mutex.withLock { number } }

    func add() { mutex.withLock { number += 1 } }
}
