/// How an environment is opened.
public struct EnvironmentOptions: Sendable, Hashable {
    /// What the opener may do.
    public enum Role: Sendable, Hashable {
        /// Makes directory and files where they are missing, and may rebuild what nobody uses.
        case participant
        /// Creates and rebuilds nothing; what is not there is an error.
        case inspector
    }

    /// The directory's path.
    public var path: String
    /// Participant or inspector.
    public var role: Role
    /// Size of the memory map in bytes, a multiple of the page size. The first opener's value holds for all.
    public var mapSize: Int
    /// Reader slots. The first opener's value holds for all.
    public var readerSlots: Int
    /// Read transactions this process keeps ready, each of which holds one slot.
    public var readersPerProcess: Int

    /// Describes an opening.
    public init(path: String, role: Role, mapSize: Int, readerSlots: Int, readersPerProcess: Int) {
        self.path = path
        self.role = role
        self.mapSize = mapSize
        self.readerSlots = readerSlots
        self.readersPerProcess = readersPerProcess
    }
}
