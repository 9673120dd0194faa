import FoundationEssentials
import Logging
import WorkOS

/// The keys as last fetched. One fetch is waited for at a time, never two within the floor, and never a caller that waits for longer
/// than the timeout, whatever the fetcher does.
actor KeySetCache {
    /// What is known of a key.
    enum Lookup {
        case key(VerificationKey)
        /// The key set does not have it, and is not older than the token.
        case unknown
        /// The key set could not be fetched, or may be too old to have it; how long until it may be fetched again.
        case unavailable(KeySetFailure, retryAfter: Duration)
    }

    private let fetch: @Sendable () async throws -> [UInt8]
    private let configuration: AuthKitConfiguration
    private let time: TimeSource
    private var keys: VerificationKeys?
    private var fetchedAt: Duration?
    /// When the fetch began that brought the keys, by the clock that tokens are dated with.
    private var asOf: Date?
    private var triedAt: Duration?
    private var failure: KeySetFailure?
    private var waiters: [CheckedContinuation<Void, Never>] = []
    /// Counts fetches, so that one which was given up cannot end its successor.
    private var number = 0
    private var isFetching = false

    init(
        configuration: AuthKitConfiguration, time: TimeSource, fetch: @escaping @Sendable () async throws -> [UInt8]
    ) {
        self.configuration = configuration
        self.time = time
        self.fetch = fetch
    }

    /// The key of that identifier, fetched where it is not known or too old.
    ///
    /// - Parameter issuedAt: when the token says that it was issued. Where that is after the keys were fetched, they say
    ///   nothing about its key: the upstream may have begun to sign with a new one.
    func key(_ identifier: String, issuedAt: Date?) async -> Lookup {
        if !isOld, let known = keys?[identifier] { return .key(known) }
        await fetchIfDue()
        if let known = keys?[identifier] { return .key(known) }
        guard let failure = failure ?? outdated(by: issuedAt) else { return .unknown }
        let since = triedAt.map { time.elapsed() - $0 } ?? .zero
        return .unavailable(failure, retryAfter: max(.seconds(1), configuration.keySetFetchFloor - since))
    }

    private func outdated(by issuedAt: Date?) -> KeySetFailure? {
        guard let asOf, let issuedAt, issuedAt > asOf else { return nil }
        return KeySetFailure("the token was issued after the key set was fetched, and names a key that is not in it")
    }

    private var isOld: Bool {
        guard let fetchedAt else { return true }
        return time.elapsed() - fetchedAt >= configuration.keySetLifetime
    }

    private func fetchIfDue() async {
        if !isFetching {
            let now = time.elapsed()
            if let triedAt, now - triedAt < configuration.keySetFetchFloor { return }
            triedAt = now
            begin()
        }
        await withCheckedContinuation { waiters.append($0) }
    }

    private func begin() {
        number += 1
        isFetching = true
        let (number, fetch, timeout) = (number, fetch, configuration.keySetTimeout)
        let date = time.date()
        // Tasks of their own: who asked first may be cancelled, and others wait for the same fetch.
        let fetching = Task {
            let result: Result<VerificationKeys, KeySetFailure>
            do {
                result = .success(try await VerificationKeys(keySet: try await fetch()))
            } catch {
                result = .failure(
                    error as? KeySetFailure ?? KeySetFailure("the key set could not be fetched: \(error)"))
            }
            end(number, result, asOf: date)
        }
        Task {
            try? await Task.sleep(for: timeout)
            fetching.cancel()
            end(number, .failure(KeySetFailure("the key set did not come within \(timeout)")), asOf: date)
        }
    }

    private func end(_ number: Int, _ result: Result<VerificationKeys, KeySetFailure>, asOf date: Date) {
        guard isFetching, number == self.number else { return }
        isFetching = false
        switch result {
        case .success(let fetched):
            keys = fetched
            fetchedAt = time.elapsed()
            asOf = date
            failure = nil
        case .failure(let error):
            failure = error
            configuration.logger.warning(
                "key set not fetched", metadata: ["reason": "\(error)", "keys": keys == nil ? "none" : "as before"])
        }
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}
