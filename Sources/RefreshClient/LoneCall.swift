import LeaseTable
import ProcessSupport

/// A refresh without a lease, where the table failed and the configuration says that users are not to be signed out for
/// it. Shared by the callers of this process only.
struct LoneCall {
    let leader: FlightLeader

    func run() {
        var call = UpstreamCall(leader: leader)
        while true {
            switch call.attempt() {
            case .success(let success): return leader.finish(.success(success))
            case .retry(let interval): pause(for: interval)
            case .failure: return leader.finish(.failure(.upstream(call.attempts)))
            }
        }
    }
}
