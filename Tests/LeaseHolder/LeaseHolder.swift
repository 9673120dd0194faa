import Glibc
import LeaseTable
import ProcessSupport

// lease-holder DIRECTORY TOKEN...: claims a lease for each token, reads the table once (which takes a reader slot), says
// "held", and holds until its standard input ends; then it gives the leases up.
@main
enum LeaseHolder {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let path = arguments.first else { exit(64) }
        let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
        let table = try LeaseTable(RefreshConfiguration(), in: .choose(named: path), deadline: deadline)
        var tenures: [Tenure] = []
        for token in arguments.dropFirst() {
            let key = try KeyMaterial(
                KeyParts(endpoint: "https://api.example", clientID: "client", refreshToken: token))
            let pipe = try table.preparePipe()
            guard case .granted(let tenure) = try table.claim(key, as: Claim(), pipe: pipe, deadline: deadline)
            else { exit(1) }
            tenures.append(tenure)
        }
        _ = try table.leases(deadline: deadline)
        print("held")
        fflush(nil)
        while readLine() != nil {}
        for tenure in tenures {
            try table.abandon(tenure, deadline: MonotonicInstant.now().advanced(by: .seconds(5)))
        }
    }
}
