/// So many requests within so long, written `N/SECONDS`.
public struct RateLimit: Hashable, Sendable, LosslessStringConvertible {
    /// Requests let through within one window, 1 or more.
    public var count: Int
    /// The window's length in seconds, 1 or more.
    public var seconds: Int

    /// Makes a limit; values below 1 count as 1.
    public init(count: Int, seconds: Int) {
        self.count = max(1, count)
        self.seconds = max(1, seconds)
    }

    /// Reads `N/SECONDS`, two whole numbers from 1 to 1,000,000; `nil` for anything else.
    public init?(_ description: String) {
        let parts = description.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), let seconds = Int(parts[1]),
            (1...1_000_000).contains(count), (1...1_000_000).contains(seconds)
        else { return nil }
        self.init(count: count, seconds: seconds)
    }

    /// `N/SECONDS`.
    public var description: String { "\(count)/\(seconds)" }
}
