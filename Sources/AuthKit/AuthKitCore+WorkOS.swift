public import LeaseTable
import ProcessSupport
import RefreshClient
public import WorkOS

extension AuthKitCore {
    /// Makes a core for WorkOS, as most applications want it: tokens refreshed and keys fetched with the same base URL,
    /// client id and trusted certificates.
    ///
    /// - Throws: `WorkOSConfigurationError` or `ConfigurationError`, with the fix in its message.
    public convenience init(
        workOS: WorkOSConfiguration, refresh: RefreshConfiguration = RefreshConfiguration(),
        configuration: AuthKitConfiguration = AuthKitConfiguration(), time: TimeSource = .system
    ) throws {
        let upstream = try WorkOSUpstream(workOS)
        let client = try RefreshClient(upstream: upstream, configuration: refresh)
        let timeout = configuration.keySetTimeout
        self.init(client: client, configuration: configuration, time: time) {
            try await withCheckedThrowingContinuation { continuation in
                do {
                    // libcurl blocks, which threads of the cooperative pool must not.
                    try LibraryThread.start {
                        continuation.resume(
                            with: Result { () throws(KeySetFailure) in try upstream.keySet(timeout: timeout) })
                    }
                } catch {
                    continuation.resume(throwing: KeySetFailure("no thread to fetch the key set with: \(error)"))
                }
            }
        }
    }
}
