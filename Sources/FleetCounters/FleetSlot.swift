public import LeaseTable
public import ProcessSupport

/// Where this process counts: a slot of its own in a file that all processes of a table share.
///
/// Counting is one atomic addition (about 5 ns), a duration two, and no system call or lock. The slot is found again and read by
/// others whatever happens to this process. Thread-safe. It belongs to the process that claimed it: a forked child gets
/// its own from ``FleetCounters``.
public final class FleetSlot: Sendable {
    private let file: CounterFile
    private let words: SharedWords
    private let entries: WaitingEntries
    /// Its place in the file.
    let index: Int

    init(file: CounterFile, index: Int) {
        self.file = file
        self.index = index
        words = file.slot(index)
        entries = file.entries(index)
    }

    /// Counts one.
    @inline(__always)
    public func count(_ counter: FleetCounter) {
        words.add(counter.rawValue, 1)
    }

    /// Counts a duration.
    public func record(_ histogram: FleetHistogram, _ duration: Duration) {
        let nanoseconds = UInt64(max(0, duration.wholeNanoseconds))
        let start = CounterLayout.histogram(histogram)
        words.add(start + FleetHistogram.bucket(of: nanoseconds), 1)
        words.add(start + CounterLayout.histogramLength - 1, nanoseconds)
    }

    /// A caller's wait, from its beginning on.
    public struct Wait: Sendable {
        fileprivate let place: WaitingEntries.Place
        fileprivate let began: MonotonicInstant
    }

    /// Notes that a caller waits for somebody else's call. To be ended, by this process.
    public func beginWaiting(for key: RecordKey, since began: MonotonicInstant = .now()) -> Wait {
        count(.waits)
        return Wait(place: entries.enter(key), began: began)
    }

    /// Notes that it does not any more.
    public func endWaiting(_ wait: Wait) {
        entries.leave(wait.place)
        record(.wait, wait.began.duration(to: .now()))
    }

    /// How many callers, of all processes, wait for a key at present. Looks at the slots that are taken; no system call,
    /// and so not whether their processes live.
    public func waiters(for key: RecordKey) -> Int {
        var sum = 0
        let owners = file.owners
        for index in 0..<owners.count where owners.load(index) != 0 {
            file.entries(index).forEach { other, count in
                if other == key { sum += count }
            }
        }
        return sum
    }
}
