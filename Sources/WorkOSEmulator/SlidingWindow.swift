/// The requests that were let through within the last window: a sliding log.
///
/// What was refused is not counted, so a caller that keeps knocking is let in as soon as the oldest entry leaves.
struct SlidingWindow {
    private var admitted: [Duration] = []

    /// Whether nothing is left in the window at `now`, so that this value may be forgotten.
    func isEmpty(_ limit: RateLimit, now: Duration) -> Bool {
        guard let last = admitted.last else { return true }
        return last + .seconds(limit.seconds) <= now
    }

    /// Counts a request, unless the window is full: then how long until its oldest entry leaves it.
    mutating func admit(_ limit: RateLimit, now: Duration) -> Duration? {
        let window = Duration.seconds(limit.seconds)
        if let keep = admitted.firstIndex(where: { $0 + window > now }) {
            admitted.removeFirst(keep)
        } else {
            admitted.removeAll(keepingCapacity: true)
        }
        // The limit may have been lowered meanwhile: wait until fewer than `count` are left.
        if admitted.count >= limit.count {
            return admitted[admitted.count - limit.count] + window - now
        }
        admitted.append(now)
        return nil
    }
}
