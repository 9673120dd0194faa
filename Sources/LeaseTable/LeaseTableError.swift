public import LMDB
public import ProcessSupport

/// Why the table could not do what it was asked.
public enum LeaseTableError: Error, Sendable, CustomStringConvertible {
    /// The environment failed, or the deadline came while waiting for its write lock.
    case environment(EnvironmentError)
    /// A wake pipe could not be made.
    case pipe(SystemCallError)
    /// What was to be stored is too large.
    case tooLarge(SealingError)

    /// The problem and its remedy.
    public var description: String {
        switch self {
        case .environment(let error): error.description
        case .pipe(let error): "\(error); is the limit of open files or the space of the file system used up?"
        case .tooLarge(let error): error.description
        }
    }

    /// Whether the time was up, which says nothing about the table's health.
    public var isTimeout: Bool {
        if case .environment(.timedOut) = self { return true }
        return false
    }

    /// Whether room was lacking, in the map or in the file system.
    public var isLackOfSpace: Bool {
        switch self {
        case .environment(.noRoom): true
        case .environment(.lmdb(let error)): error.code.isLackOfSpace
        case .environment(.system(let error)), .pipe(let error): LMDBError.Code(error.code).isLackOfSpace
        default: false
        }
    }
}
