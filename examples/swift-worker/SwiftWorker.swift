import Glibc
import RefreshClient
import WorkOS

/// Refreshes the token on standard input. WORKOS_CLIENT_ID, WORKOS_API_KEY and WORKOS_BASE_URL say where.
@main
struct SwiftWorker {
    static func main() async throws {
        guard let token = readLine(), let clientID = variable("WORKOS_CLIENT_ID") else {
            print("usage: WORKOS_CLIENT_ID=… [WORKOS_API_KEY=…] [WORKOS_BASE_URL=…] swift-worker < FILE-WITH-TOKEN")
            exit(64)
        }
        let upstream = try WorkOSUpstream(
            WorkOSConfiguration(
                clientID: clientID, apiKey: variable("WORKOS_API_KEY"),
                baseURL: variable("WORKOS_BASE_URL") ?? "https://api.workos.com"))
        // Before or after fork(), once or on every request: nothing is opened before the first refresh.
        let client = try RefreshClient(upstream: upstream)
        do {
            let result = try await client.refreshTokens(
                token, organizationID: nil, context: RefreshContext(userID: "user_1", sessionID: "session_1"))
            let tokens = try TokenResponse(decoding: result.body)
            let email = tokens.user?["email"]?.stringValue ?? "?"
            print("a new session for \(email), request \(result.requestID ?? "?")")
        } catch let error as TokenRefreshError where error.isRetryable {
            print("try again in \(error.retryAfter ?? .seconds(1)): \(error)")
        } catch let error as TokenRefreshError {
            print("sign in again: \(error)")
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
