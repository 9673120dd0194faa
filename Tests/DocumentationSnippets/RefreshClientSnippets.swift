// Every piece of code in the articles of RefreshClient, compiled. scripts/check-snippets compares the two.
import LeaseTable
import Logging
import RefreshClient
import WorkOS

func answer(status: Int, retryAfter: Duration) {}
func signOut() {}
func callUpstream(_ token: String) async throws -> TokenResponse { throw CancellationError() }

func gettingStarted(apiKey: String, refreshToken: String, userID: String, sessionID: String) async throws {
    let upstream = try WorkOSUpstream(
        WorkOSConfiguration(clientID: "client_123", apiKey: apiKey))
    let client = try RefreshClient(upstream: upstream)

    let result = try await client.refreshTokens(
        refreshToken, context: RefreshContext(userID: userID, sessionID: sessionID))
    let tokens = try TokenResponse(decoding: result.body)
    print(tokens)

    do {
        _ = try await client.refreshTokens(refreshToken)
    } catch let error as TokenRefreshError where error.isRetryable {
        // Keep the session. Answer 503, or go on without it.
        answer(status: 503, retryAfter: error.retryAfter ?? .seconds(1))
    } catch let error as TokenRefreshError where error.reason == .invalidClient {
        // Client id or API key are wrong: the operator's fault, no user's. Keep the session.
        answer(status: 503, retryAfter: .seconds(60))
    } catch is TokenRefreshError {
        // The session is over: forget it, and let the user sign in.
        signOut()
    }
}

func blocking(client: RefreshClient, refreshToken: String) throws {
    let result = try client.refresh(
        RefreshRequest(refreshToken: refreshToken), deadline: .seconds(15))
    print(result.body.count)
}

func sharing(upstream: WorkOSUpstream) throws {
    var configuration = RefreshConfiguration(directory: "/run/my-service")
    configuration.logger = Logger(label: "tokens")
    let client = try RefreshClient(upstream: upstream, configuration: configuration)
    print("leases in \(client.directory)")
}

func givingUp(client: RefreshClient, refreshToken: String) throws(TokenRefreshError) {
    do {
        _ = try client.refresh(RefreshRequest(refreshToken: refreshToken), deadline: .seconds(2))
    } catch let error where error.code == .deadlineExceeded {
        // Try again with the same token: most likely the result is there by then.
        answer(status: 503, retryAfter: .seconds(1))
    }
}

func limitedServer(upstream: WorkOSUpstream) throws -> RefreshClient {
    var configuration = RefreshConfiguration()
    configuration.requestTimeout = .seconds(8)
    configuration.lease = .seconds(10)
    configuration.callerDeadline = .seconds(12)
    let client = try RefreshClient(upstream: upstream, configuration: configuration)
    return client
}

func slowSDK() -> RefreshConfiguration {
    var configuration = RefreshConfiguration()
    configuration.requestTimeout = .seconds(250)
    configuration.lease = .seconds(260)
    configuration.callerDeadline = .seconds(300)
    return configuration
}

actor Refreshes {
    private var inFlight: [String: Task<TokenResponse, any Error>] = [:]

    func refresh(_ token: String) async throws -> TokenResponse {
        if let task = inFlight[token] { return try await task.value }
        let task = Task { try await callUpstream(token) }
        inFlight[token] = task
        defer { inFlight[token] = nil }
        return try await task.value
    }
}

struct SharedRefreshes {
    let client: RefreshClient

    func refresh(_ token: String, for user: String) async throws -> TokenResponse {
        let result = try await client.refreshTokens(token, context: RefreshContext(userID: user))
        return try TokenResponse(decoding: result.body)
    }
}
