import LeaseTable
import ProcessSupport

/// The slots of this process, one for each environment that it counts in. A forked child begins with none.
final class ProcessSlots: Sendable {
    private let mutex = TimedMutex()
    /// Guarded by `mutex`.
    nonisolated(unsafe) private var byEnvironment: [EnvironmentID: FleetSlot] = [:]

    func slot(for environment: EnvironmentID) -> FleetSlot? {
        mutex.withLock { unsafe byEnvironment[environment] }
    }

    /// Claims a slot, unless another thread has; `nil` where none is free.
    func claim(in file: CounterFile, of environment: EnvironmentID, for owner: SlotOwner) -> FleetSlot? {
        mutex.withLock {
            if let known = unsafe byEnvironment[environment] { return known }
            guard let index = Self.claimed(in: file, for: owner) else { return nil }
            let slot = FleetSlot(file: file, index: index)
            unsafe byEnvironment[environment] = slot
            return slot
        }
    }

    /// Takes a free slot for a process; `nil` where there is none. Without a lock: of those that want the same one, one
    /// gets it.
    static func claimed(in file: CounterFile, for owner: SlotOwner) -> Int? {
        let owners = file.owners
        // This process has run another program before: what that one waited for, nobody waits for now.
        if let index = (0..<owners.count).first(where: { owners.load($0) == owner.word }) {
            let slot = file.slot(index)
            slot.part(
                from: CounterLayout.waitingElsewhere, count: CounterLayout.slotLength - CounterLayout.waitingElsewhere
            ).clear()
            return index
        }
        // Not all from the same end, where everybody would look at the same words.
        let start = Int(owner.word) & (CounterLayout.slotCount - 1)
        for step in 0..<owners.count {
            let index = (start + step) % owners.count
            if owners.load(index) == 0, owners.exchange(index, expected: 0, with: owner.word) { return index }
        }
        return nil
    }
}
