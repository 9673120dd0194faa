/// What a sealed outcome says. The raw value is what is stored and authenticated.
public enum OutcomeKind: UInt8, Hashable, Sendable, CaseIterable {
    /// The upstream's result.
    case success = 1
    /// A failure that ends the session.
    case terminalFailure = 2
    /// A failure that leaves the token good.
    case transientFailure = 3
}
