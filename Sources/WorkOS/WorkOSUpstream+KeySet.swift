import CCurl
import ProcessSupport

extension WorkOSUpstream {
    /// Fetches the JSON Web Key Set (RFC 7517) that this client's access tokens are signed with, verbatim: from
    /// `/sso/jwks/CLIENT_ID` below the base URL, without the API key, which nobody needs to read public keys.
    ///
    /// Blocks for at most `timeout`. Sends one request and follows no redirect. As thread- and fork-safe as
    /// ``attempt(_:timeout:)``.
    ///
    /// - Throws: ``KeySetFailure`` for anything but a whole 200 of at most 64 KiB. What the body holds is for the
    ///   caller to judge.
    public func keySet(timeout: Duration) throws(KeySetFailure) -> [UInt8] {
        try Forks.heldOff { () throws(KeySetFailure) in try fetchKeySet(timeout) }
    }

    private func fetchKeySet(_ timeout: Duration) throws(KeySetFailure) -> [UInt8] {
        let milliseconds = Self.milliseconds(timeout)
        guard milliseconds > 0 else { throw KeySetFailure("no time was left to fetch the key set") }
        do {
            try CurlLibrary.load()
        } catch {
            throw KeySetFailure(error.message)
        }
        var headers = HeaderList(maximum: 2)
        guard headers.append("Accept", "application/json"), headers.append("User-Agent", configuration.userAgent)
        else { throw KeySetFailure("the user agent does not fit into a request") }
        let received = perform(
            .get, target.keySetURL(clientID: configuration.clientID), Exchange(request: WipedBuffer(capacity: 0)),
            headers: headers, timeoutMilliseconds: milliseconds)
        guard !received.isTooLong else { throw KeySetFailure("the key set is longer than 64 KiB") }
        switch received.ending {
        case .complete: break
        case .timedOut: throw KeySetFailure("the key set did not come within \(milliseconds) ms")
        case .failed(let words), .notHTTP(let words):
            throw KeySetFailure("the key set could not be fetched: \(words)")
        }
        guard received.status == 200 else {
            throw KeySetFailure("the key set was answered with \(received.status.map(String.init) ?? "no status")")
        }
        return received.body
    }
}

/// A key set that could not be fetched. Says nothing about any session: a later try may succeed.
public struct KeySetFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What happened, for the log. Holds nothing the upstream sent.
    public let description: String

    /// Makes a failure; for fetchers of your own.
    public init(_ description: String) {
        self.description = description
    }
}
