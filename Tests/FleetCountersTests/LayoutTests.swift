import ProcessSupport
import Testing

@testable import FleetCounters

@Suite struct LayoutTests {
    @Test func nothingOverlaps() {
        let ends = FleetHistogram.allCases.map { CounterLayout.histogram($0) + CounterLayout.histogramLength }
        #expect(FleetCounter.allCases.count <= CounterLayout.counterRoom)
        #expect(ends.max() == CounterLayout.countedLength)
        #expect(CounterLayout.countedLength <= CounterLayout.totalLength)
        #expect(CounterLayout.waitingElsewhere < CounterLayout.entriesStart)
        let entries = CounterLayout.entryCount * CounterLayout.entryLength
        #expect(CounterLayout.entriesStart + entries <= CounterLayout.slotLength)
        #expect(CounterLayout.ownersStart + CounterLayout.slotCount <= CounterLayout.totalsStart)
        #expect(CounterLayout.totalsStart + 2 * CounterLayout.totalLength <= CounterLayout.slotsStart)
        // Slots of two processes share no cache line, and the file is whole pages.
        #expect(CounterLayout.slotLength % 8 == 0)
        #expect(CounterLayout.byteCount % 4096 == 0)
    }

    @Test func aBucketEndsWithItsBound() {
        for (index, bound) in FleetHistogram.bounds.enumerated() {
            #expect(FleetHistogram.bucket(of: bound) == index)
            #expect(FleetHistogram.bucket(of: bound + 1) == index + 1)
        }
        #expect(FleetHistogram.bucket(of: 0) == 0)
        #expect(FleetHistogram.bucket(of: .max) == FleetHistogram.bounds.count)
        #expect(FleetHistogram.bounds == FleetHistogram.bounds.sorted())
    }

    @Test func sharesEndInBuckets() {
        var durations = FleetDurations(
            buckets: [UInt64](repeating: 0, count: FleetHistogram.bounds.count + 1), nanoseconds: 0)
        #expect(durations.bound(ofShare: 0.5) == nil)
        (durations.buckets[2], durations.buckets[5], durations.buckets[20]) = (98, 1, 1)
        #expect(durations.count == 100)
        #expect(durations.bound(ofShare: 0.5) == 50_000)
        #expect(durations.bound(ofShare: 0.99) == 500_000)
        #expect(durations.bound(ofShare: 1) == nil)
    }

    @Test func anOwnerIsOneWord() throws {
        let me = ProcessIdentity.current()
        let owner = try #require(SlotOwner(me))
        #expect(owner.process == me)
        #expect(SlotOwner(word: owner.word) == owner)
        for (pid, start) in [(0, 1), (1, 0), (1 << 22, 1), (1, 1 << 42), (-1, 1)] as [(Int32, UInt64)] {
            #expect(SlotOwner(ProcessIdentity(pid: pid, startTime: start)) == nil)
        }
    }
}
