import LeaseTable
import ProcessSupport

@testable import RefreshClient

extension RefreshClient {
    /// How many callers of this process wait for the token, the one that leads or led them not counted twice.
    func joined(_ token: String, organization: String? = nil, _ upstream: any Upstream, _ setting: Setting) throws
        -> Int
    {
        let key = try setting.key(token, upstream, organization: organization)
        return FlightTable.current(for: directory).flight(of: key.recordKey)?.waiting ?? 0
    }
}

extension Flight {
    /// How many callers wait in it, the one that leads not among them.
    var waiting: Int {
        mutex.withLock {
            let fields = Mirror(reflecting: self).children
            let blocking = fields.first { $0.label == "followers" }?.value as? Int
            let asynchronous = fields.first { $0.label == "asyncCallers" }?.value as? [ObjectIdentifier: AsyncCaller]
            return (blocking ?? 0) + (asynchronous?.count ?? 0)
        }
    }
}

extension RefreshClient {
    /// Whether somebody in this process is on the token.
    func isFlying(_ token: String, _ upstream: any Upstream, _ setting: Setting) throws -> Bool {
        let key = try setting.key(token, upstream)
        return FlightTable.current(for: directory).flight(of: key.recordKey) != nil
    }
}

/// What another process publishes.
func payload(_ accessToken: String) -> [UInt8] {
    OutcomePayload.encode(UpstreamSuccess(body: bytes(accessToken), requestID: "req_other"))
}

/// What another process reports.
func failurePayload(_ answer: UpstreamAnswer) -> [UInt8] {
    guard case .failure(let failure) = answer else { return [] }
    return OutcomePayload.encode([failure])
}
