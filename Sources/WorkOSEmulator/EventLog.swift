/// The last events, in a ring, and who waits for more.
struct EventLog {
    /// What a reader gets at once.
    struct Batch: Hashable, Sendable {
        /// The first and last event that the reader asked for and the ring no longer holds.
        var missed: ClosedRange<UInt64>?
        /// The events, in order.
        var events: [EmulatorEvent]
    }

    private let capacity: Int
    private var ring: [EmulatorEvent] = []
    private var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
    private var nextListener = 0
    /// The last event's number; 0 before the first.
    private(set) var last: UInt64 = 0

    init(capacity: Int = 65_536) {
        self.capacity = capacity
    }

    /// Adds an event, numbers it and wakes who waits.
    mutating func append(_ event: EmulatorEvent) {
        last += 1
        var event = event
        event.sequence = last
        if ring.count < capacity {
            ring.append(event)
        } else {
            ring[place(of: last)] = event
        }
        for listener in listeners.values { listener.yield() }
    }

    /// Up to `limit` events after `sequence`.
    func batch(after sequence: UInt64, limit: Int) -> Batch {
        guard sequence < last else { return Batch(events: []) }
        let first = max(sequence + 1, last - UInt64(ring.count) + 1)
        let end = min(last, first + UInt64(limit) - 1)
        return Batch(
            missed: first > sequence + 1 ? (sequence + 1)...(first - 1) : nil,
            events: (first...end).map { ring[place(of: $0)] })
    }

    /// Starts to listen: the stream yields whenever there may be more, and remembers one such signal.
    mutating func listen() -> (id: Int, signals: AsyncStream<Void>, stop: AsyncStream<Void>.Continuation) {
        let (signals, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        nextListener += 1
        listeners[nextListener] = continuation
        return (nextListener, signals, continuation)
    }

    /// Ends what ``listen()`` began.
    mutating func stopListening(_ id: Int) {
        listeners.removeValue(forKey: id)?.finish()
    }

    private func place(of sequence: UInt64) -> Int {
        Int((sequence - 1) % UInt64(capacity))
    }
}
