// A worker process that links the library and stays: refreshes the tokens on standard input, one a line, and says of each,
// on one line, "ok REQUEST-ID SUCCESSOR" or "failed CODE REASON". WORKOS_CLIENT_ID, WORKOS_API_KEY, WORKOS_BASE_URL and
// REFRESHD_DIRECTORY say where.
import Glibc
import RefreshClient
import WorkOS

func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

let upstream = try WorkOSUpstream(
    WorkOSConfiguration(
        clientID: variable("WORKOS_CLIENT_ID") ?? "", apiKey: variable("WORKOS_API_KEY"),
        baseURL: variable("WORKOS_BASE_URL") ?? ""))
let client = try RefreshClient(upstream: upstream)

while let token = readLine() {
    do throws(TokenRefreshError) {
        let result = try client.refresh(RefreshRequest(refreshToken: token))
        let successor = (try? TokenResponse(decoding: result.body))?.refreshToken
        print("ok \(result.requestID ?? "-") \(successor ?? "-")")
    } catch {
        print("failed \(error.code) \(error.reason.rawValue)")
    }
    fflush(nil)
}
