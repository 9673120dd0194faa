import LeaseTable

/// A named pipe as Linux has it (fs/pipe.c): bytes stay while anybody has it open, and a reader's poll reports a hang-up
/// only where a writer was there at or after the reader's opening.
final class SimulatedPipe {
    let name: WakePipeName
    let table: SimulatedTable
    /// Whether the name leads to it. The directory's removal takes the name away.
    var isLinked = true
    private(set) var writers = 0
    private(set) var readers = 0
    /// Openings for writing so far: the kernel's `w_counter`.
    private var writerOpenings = 0
    private(set) var bytes = 0
    /// For the variant that uses it again.
    private(set) var hadReader = false

    init(name: WakePipeName, table: SimulatedTable) {
        self.name = name
        self.table = table
    }

    func openForBoth() {
        writers += 1
        writerOpenings += 1
    }

    func closeForBoth() {
        writers -= 1
        forgetIfUnused()
    }

    func write() { bytes += 4_096 }

    func drain() { bytes = 0 }

    func openForReading(atStep step: Int) -> ReadingEnd {
        readers += 1
        hadReader = true
        return ReadingEnd(pipe: self, silentUntilWriterComesAfter: writers == 0 ? writerOpenings : nil, step: step)
    }

    fileprivate func closeForReading() {
        readers -= 1
        forgetIfUnused()
    }

    fileprivate func hasHungUp(sinceOpening count: Int?) -> Bool { writers == 0 && count != writerOpenings }

    fileprivate func readOne() {
        if bytes > 0 { bytes -= 1 }
    }

    private func forgetIfUnused() {
        if writers == 0 && readers == 0 { bytes = 0 }
    }
}

/// A waiter's end: `WaitingEnd`.
final class ReadingEnd {
    let pipe: SimulatedPipe
    let openedAtStep: Int
    private let silentUntilWriterComesAfter: Int?
    private var isOpen = true

    init(pipe: SimulatedPipe, silentUntilWriterComesAfter: Int?, step: Int) {
        self.pipe = pipe
        self.silentUntilWriterComesAfter = silentUntilWriterComesAfter
        openedAtStep = step
    }

    var hasHungUp: Bool { pipe.hasHungUp(sinceOpening: silentUntilWriterComesAfter) }

    var isReadable: Bool { pipe.bytes > 0 || hasHungUp }

    /// What the one read of `WaitingEnd.probe()` finds.
    enum Probe { case holderIsThere, hungUp, written }

    func probe() -> Probe {
        if pipe.bytes > 0 {
            pipe.readOne()
            return .written
        }
        return pipe.writers == 0 ? .hungUp : .holderIsThere
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        pipe.closeForReading()
    }
}
