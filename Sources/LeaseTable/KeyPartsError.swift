/// A part of the key that cannot be accepted. Says which, how long it is and what to do; never what it
/// contains.
public struct KeyPartsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A part of ``KeyParts``.
    public enum Part: String, Hashable, Sendable {
        /// ``KeyParts/endpoint``
        case endpoint
        /// ``KeyParts/clientID``
        case clientID = "client id"
        /// ``KeyParts/refreshToken``
        case refreshToken = "refresh token"
        /// ``KeyParts/organizationID``
        case organizationID = "organization id"
        /// ``KeyParts/scope``
        case scope
        /// ``KeyParts/resource``
        case resource
        /// ``KeyParts/audience``
        case audience

        // Whether a caller may leave the part out.
        fileprivate var isOptional: Bool {
            switch self {
            case .organizationID, .scope, .resource, .audience: true
            case .endpoint, .clientID, .refreshToken: false
            }
        }
    }

    /// What is wrong with a part.
    public enum Problem: Hashable, Sendable {
        /// It has no bytes.
        case empty
        /// It has more than `limit` bytes.
        case tooLong(limit: Int)
        /// There is a control character, NUL included, at this byte offset.
        case controlCharacter(offset: Int)
    }

    /// The part.
    public let part: Part
    /// Its length in bytes of UTF-8.
    public let length: Int
    /// What is wrong.
    public let problem: Problem

    /// One sentence with the remedy.
    public var description: String {
        switch problem {
        case .empty where part.isOptional:
            "the \(part.rawValue) is empty: leave it out where there is none"
        case .empty:
            "the \(part.rawValue) is empty: pass the one in use"
        case .tooLong(let limit):
            "the \(part.rawValue) has \(length) bytes, more than the \(limit) allowed: "
                + "check that nothing else was passed in its place"
        case .controlCharacter(let offset):
            "the \(part.rawValue) (\(length) bytes) has a control character at byte \(offset): "
                + "remove it; a line break or NUL often comes from reading it out of a file"
        }
    }
}
