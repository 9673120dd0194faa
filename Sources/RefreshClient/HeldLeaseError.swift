/// Why a ``HeldLease`` could not be used.
public enum HeldLeaseError: String, Error, Sendable, CustomStringConvertible {
    /// Somebody else holds the lease by now, or a result is stored already.
    case passed
    /// It was finished or abandoned before.
    case ended

    /// The problem and its remedy.
    public var description: String {
        switch self {
        case .passed: "the lease has passed to another caller, or has its result already: begin again to get it"
        case .ended: "the lease was finished or abandoned before: finish each lease once"
        }
    }
}
