// What a worker written in Swift does, for the driver in C to be timed at: see Contenders/refreshclient_swift.c.

import LeaseTable
import Logging
import RefreshClient

/// A provider that only the driver calls.
private struct DriversUpstream: Upstream {
    let endpoint = "http://127.0.0.1:9/oauth2/token"
    let clientID = "client_benchmark"

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        .failure(UpstreamFailure(class: .transient, reason: .networkError, detail: "nothing was sent"))
    }
}

/// Set once, by the master, before it forks.
nonisolated(unsafe) private var shared: RefreshClient?

/// Makes the client; 0 where that worked.
@c(swift_caller_open)
public func open(_ directory: UnsafePointer<CChar>, _ retentionMilliseconds: Int64, _ mapSize: Int64) -> Int32 {
    var configuration = RefreshConfiguration(directory: String(cString: directory))
    configuration.resultRetention = .milliseconds(retentionMilliseconds)
    configuration.whenCoordinationFails = .fail
    configuration.logger.logLevel = .error
    if mapSize > 0 { configuration.mapSize = Int(mapSize) }
    shared = try? RefreshClient(upstream: DriversUpstream(), configuration: configuration)
    return shared == nil ? -1 : 0
}

/// Refreshes: `call` writes the upstream's answer to the bytes and returns its length. Returns the length of the result
/// that is written there; -1 where there is none.
@c(swift_caller_refresh)
public func refresh(
    _ token: UnsafePointer<CChar>, _ call: @convention(c) (UnsafeMutableRawPointer?) -> Int,
    _ context: UnsafeMutableRawPointer?, _ bytes: UnsafeMutablePointer<UInt8>, _ capacity: Int
) -> Int {
    guard let client = shared else { return -1 }
    do throws(TokenRefreshError) {
        let result: RefreshResult
        switch try client.begin(RefreshRequest(refreshToken: String(cString: token))) {
        case .result(let stored): result = stored
        case .holder(let lease):
            let length = call(context)
            result = try lease.publish(
                UpstreamSuccess(body: Array(UnsafeBufferPointer(start: bytes, count: length))))
        }
        guard result.body.count <= capacity else { return -1 }
        result.body.withUnsafeBufferPointer { body in
            if let start = body.baseAddress { bytes.update(from: start, count: body.count) }
        }
        return result.body.count
    } catch {
        return -1
    }
}
