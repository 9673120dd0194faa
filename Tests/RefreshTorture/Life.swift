import Glibc

/// One worker process from its fork to its end, as the rig knows it. Instants are of `CLOCK_MONOTONIC`, in nanoseconds.
struct Life {
    /// What a process does.
    enum Kind: String {
        /// Calls the client, as a web worker does.
        case client
        /// Writes to the table by itself, and dies there.
        case writer
        /// Asks once more for what the dead have left, and is left alone.
        case mop
        /// Has the table open for a whole round and does nothing, so that nobody who opens it is alone.
        case keeper
        /// Looks at the table from outside.
        case checker
    }

    /// One time for which the process was stopped.
    struct Stop {
        var from: UInt64
        var to: UInt64
        /// Whether it held the write lock meanwhile.
        var heldLock: Bool
    }

    /// How it ended.
    enum End {
        case left(Int32)
        case signal(Int32)
    }

    var number: Int
    var kind: Kind
    var pid: pid_t
    var stops: [Stop] = []
    /// When it was killed: read before the signal was sent, so that whatever came of its death came later.
    var killedAt: UInt64?
    /// When it said that it would leave.
    var leftAt: UInt64?
    /// At which point it killed itself.
    var point: String?
    var end: End?

    /// From when on it cannot have done anything; at the earliest.
    var goneAt: UInt64? { [killedAt, leftAt].compactMap { $0 }.min() }

    /// How long it stood still between two instants, in nanoseconds.
    func stopped(between from: UInt64, and to: UInt64) -> UInt64 {
        stops.reduce(0) { sum, stop in
            let (low, high) = (max(stop.from, from), min(stop.to, to))
            return sum + (high > low ? high - low : 0)
        }
    }
}
