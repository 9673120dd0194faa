public import ProcessSupport

/// Why nothing is counted, or nothing can be read. Never a reason to fail a refresh.
public enum CounterFileError: Error, Sendable, CustomStringConvertible {
    /// There is no file: nobody has counted yet.
    case notThere(path: String)
    /// What is there is no file of the kind, or belongs to an environment that is gone.
    case unusable(path: String, problem: String)
    /// Workers of another version count there.
    case otherVersion(path: String, found: UInt64)
    /// Every slot belongs to a living process.
    case full(path: String)
    /// The file system has no room to spare.
    case noRoom(path: String)
    /// The table's write lock was not to be had in time.
    case busy(path: String)
    /// This process does not know who it is.
    case nameless
    /// A system call failed.
    case system(SystemCallError)

    /// The problem in words.
    public var description: String {
        switch self {
        case .notThere(let path): "\(path): nobody has counted here yet"
        case .unusable(let path, let problem): "\(path): \(problem)"
        case .otherVersion(let path, let found):
            "\(path): workers of another version count here (format \(found) instead of \(CounterLayout.version))"
        case .full(let path): "\(path): \(CounterLayout.slotCount) processes count here already"
        case .noRoom(let path): "\(path): the file system has too little room to spare for it"
        case .busy(let path): "\(path): another process holds the table's write lock"
        case .nameless: "/proc does not say when this process started"
        case .system(let error): error.description
        }
    }
}
