/// One tenure of a lease: the fencing token.
///
/// It grows with every claim within an environment and never repeats across environments. A plain value:
/// thread- and fork-safe.
public struct Generation: Hashable, Sendable, CustomStringConvertible {
    /// The environment the claim was made in.
    public let environment: EnvironmentID
    /// The id of the LMDB write transaction that made the claim, from 1.
    public let transaction: UInt64

    /// Names the tenure that write transaction `transaction` of `environment` began.
    public init(environment: EnvironmentID, transaction: UInt64) {
        self.environment = environment
        self.transaction = transaction
    }

    /// Whether this tenure is `other` or came after it. `false` across environments, where no order exists.
    public func isSameOrLater(than other: Generation) -> Bool {
        environment == other.environment && transaction >= other.transaction
    }

    /// The transaction's id and the environment's name, for logs and dumps.
    public var description: String { "\(transaction)@\(environment)" }
}
