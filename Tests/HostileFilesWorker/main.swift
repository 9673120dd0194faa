import Glibc
import LeaseTable
import Logging
import ProcessSupport
import RefreshClient

// hostile-files-worker DIRECTORY PREFIX COUNT DEADLINE-MS EXTRA: refreshes the tokens token-0 to token-(COUNT-1) and EXTRA
// new ones through the client, with an upstream that answers PREFIX and the token, padded so that every third result
// needs pages of its own. Prints a line for each: the answer's prefix, or the error's code, or WRONG; then sweeps, lists
// and ends. What it prints last is "late MS" if a call outlasted its deadline by more than 50 ms.

//
// hostile-files-worker tamper DIRECTORY flip SEED | version | swap | from OTHER: changes records as somebody could who
// writes in the directory; see Tampering.

let arguments = CommandLine.arguments
if arguments.count > 3, arguments[1] == "tamper" {
    try Tampering(directory: arguments[2]).run(Array(arguments[3...]))
    exit(0)
}
guard arguments.count == 6, let count = Int(arguments[3]), let milliseconds = Int(arguments[4]),
    let extra = Int(arguments[5])
else { exit(64) }
let directory = arguments[1]
let prefix = arguments[2]

struct Echo: Upstream {
    let prefix: String
    let endpoint = "https://api.example"
    let clientID = "client"

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        .success(UpstreamSuccess(body: body(prefix, request.refreshToken), requestID: "req_1"))
    }
}

func body(_ prefix: String, _ token: String) -> [UInt8] {
    let padding = (token.utf8.last ?? 0) % 3 == 0 ? 6000 : 300
    return Array(#"{"access_token":"\#(prefix)-\#(token)","pad":"\#(String(repeating: "x", count: padding))"}"#.utf8)
}

var configuration = RefreshConfiguration(directory: directory)
configuration.mapSize = 16 << 20
configuration.publishReserve = 1 << 20
// What is stored outlasts the tests, so that every case finds it.
configuration.resultRetention = .seconds(3600)
configuration.logger.logLevel = .critical
let client = try RefreshClient(upstream: Echo(prefix: prefix), configuration: configuration)
let deadline = Duration.milliseconds(milliseconds)
var latest = Duration.zero

for number in 0..<(count + extra) {
    let token = number < count ? "token-\(number)" : "new-\(number)"
    let began = MonotonicInstant.now()
    do throws(TokenRefreshError) {
        let result = try client.refresh(RefreshRequest(refreshToken: token), deadline: deadline)
        let stored = result.body == body("first", token)
        let fresh = result.body == body(prefix, token)
        print(stored ? "first" : fresh ? prefix : "WRONG")
    } catch {
        print("error", error.code)
    }
    // What was said counts, should the next call be the process's last.
    fflush(nil)
    latest = max(latest, began.duration(to: .now()) - deadline)
}
let until = MonotonicInstant.now().advanced(by: .seconds(1))
if let table = try? LeaseTable(configuration, in: .choose(named: directory), deadline: until) {
    _ = try? table.leases(deadline: until)
    _ = try? table.sweep(atMost: 64, deadline: until)
    _ = try? table.checkReaders(deadline: until)
}
if latest > .milliseconds(50) { print("late", latest) }
