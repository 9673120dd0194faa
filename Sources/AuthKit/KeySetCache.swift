import Logging
import WorkOS

/// The keys as last fetched. One fetch at a time, never two within the floor, and never a caller that waits for longer
/// than the timeout, whatever the fetcher does.
actor KeySetCache {
    /// What is known of a key.
    enum Lookup {
        case key(VerificationKey)
        /// The key set as fetched does not have it.
        case unknown
        /// The key set could not be fetched; how long until it may be again.
        case unavailable(KeySetFailure, retryAfter: Duration)
    }

    private let fetch: @Sendable () async throws -> [UInt8]
    private let configuration: AuthKitConfiguration
    private let time: TimeSource
    private var keys: VerificationKeys?
    private var fetchedAt: Duration?
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
    func key(_ identifier: String) async -> Lookup {
        if !isOld, let known = keys?[identifier] { return .key(known) }
        await fetchIfDue()
        if let known = keys?[identifier] { return .key(known) }
        guard let failure else { return .unknown }
        let since = triedAt.map { time.elapsed() - $0 } ?? .zero
        return .unavailable(failure, retryAfter: max(.seconds(1), configuration.keySetFetchFloor - since))
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
        // Tasks of their own: who asked first may be cancelled, and others wait for the same fetch.
        let fetching = Task {
            let result: Result<VerificationKeys, KeySetFailure>
            do {
                result = .success(try await VerificationKeys(keySet: try await fetch()))
            } catch {
                result = .failure(
                    error as? KeySetFailure ?? KeySetFailure("the key set could not be fetched: \(error)"))
            }
            end(number, result)
        }
        Task {
            try? await Task.sleep(for: timeout)
            fetching.cancel()
            end(number, .failure(KeySetFailure("the key set did not come within \(timeout)")))
        }
    }

    private func end(_ number: Int, _ result: Result<VerificationKeys, KeySetFailure>) {
        guard isFetching, number == self.number else { return }
        isFetching = false
        switch result {
        case .success(let fetched):
            keys = fetched
            fetchedAt = time.elapsed()
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
