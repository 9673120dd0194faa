public import LeaseTable
public import ProcessSupport

/// The key of a token, as lease-holder makes it.
public func key(_ token: String) throws -> KeyMaterial {
    try KeyMaterial(KeyParts(endpoint: "https://api.example", clientID: "client", refreshToken: token))
}

/// An instant that no test comes to.
public func soon() -> MonotonicInstant { .now().advanced(by: .seconds(10)) }

/// A claim that was not granted.
public struct NotGranted: Error {
    /// Says so.
    public init() {}
}

extension LeaseTable {
    /// Opens the table at `path` as a worker does.
    public static func open(
        _ path: String, _ change: (inout RefreshConfiguration) -> Void = { _ in }
    ) throws -> LeaseTable {
        var configuration = RefreshConfiguration()
        change(&configuration)
        return try LeaseTable(configuration, in: .choose(named: path), deadline: soon())
    }

    /// Claims the lease of a token that nobody holds.
    public func hold(_ token: String, hungUp: Generation? = nil) throws -> Tenure {
        let claim = Claim(joined: hungUp, hungUp: hungUp)
        guard case .granted(let tenure) = try self.claim(key(token), as: claim, pipe: preparePipe(), deadline: soon())
        else { throw NotGranted() }
        return tenure
    }
}
