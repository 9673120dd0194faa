import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

/// Fills the table with results until it takes no more leases.
func fill(_ table: LeaseTable, _ setting: Setting, _ upstream: any Upstream) throws {
    for index in 0..<10_000 {
        do throws(LeaseTableError) {
            let key = try? setting.key("rt_fill_\(index)", upstream)
            guard let key else { return }
            let result = try table.claim(key, as: Claim(), pipe: table.preparePipe(), deadline: soon())
            guard case .granted(let tenure) = result else { return }
            let body = [UInt8](repeating: 7, count: 30_000)
            _ = try table.publish(tenure, result: body, deadline: soon())
        } catch {
            #expect(error.isLackOfSpace)
            return
        }
    }
    Issue.record("the table was never full")
}

func smallTable(_ configuration: inout RefreshConfiguration) {
    configuration.mapSize = 1 << 20
    configuration.publishReserve = 256 << 10
}
