/// The faults still to come, in the order they were given.
struct FaultQueue {
    private(set) var faults: [Fault] = []

    /// Adds at the end.
    mutating func add(_ more: [Fault]) {
        faults += more
    }

    /// Forgets them all.
    mutating func clear() {
        faults.removeAll()
    }

    /// Takes one use of the first fault that matches.
    mutating func take(for token: TokenHash, email: String?) -> Fault? {
        guard let place = faults.firstIndex(where: { $0.matches(token, email: email) }) else { return nil }
        let fault = faults[place]
        faults[place].count -= 1
        if faults[place].count == 0 { faults.remove(at: place) }
        return fault
    }
}
