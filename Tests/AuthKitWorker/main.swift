// A process of a server that uses AuthKit. Takes one call a line and runs all of them at once:
//
//   WorkerCall as JSON
//
// and says "began ID" when a call begins and WorkerReply as JSON when it is over. Where everything is comes by the
// environment.
import AuthKit
import AuthKitTestSupport
import Foundation
import LeaseTable
import Logging
import RefreshClient
import WorkOS

func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

func answer(_ call: WorkerCall, with core: AuthKitCore) async -> WorkerReply {
    var reply = WorkerReply(id: call.id)
    do {
        switch call.kind {
        case .refresh:
            let session = try await core.refreshTokens(
                call.refreshToken, organizationID: call.organizationID,
                context: RefreshContext(userID: call.userID))
            reply.accessToken = session.accessToken
            reply.refreshToken = session.refreshToken
            reply.userID = session.userID
        case .validate:
            let user = call.userID.map { JSONValue.object(["id": .string($0)]) }
            let validated = try await core.validateAndRefresh(
                AuthKitSession(accessToken: call.accessToken, refreshToken: call.refreshToken, user: user),
                force: call.isForced, organizationID: call.organizationID)
            reply.accessToken = validated.session.accessToken
            reply.refreshToken = validated.session.refreshToken
            reply.userID = validated.session.userID
            reply.sessionID = validated.claims?.sessionID
            reply.refreshed = validated.isRefreshed
            reply.verified = validated.verification == .verified
        case .verify:
            reply.verified = await core.verifyToken(call.accessToken)
        }
    } catch let error as TokenRefreshError {
        reply.error = error.code.description
        reply.reason = error.reason.rawValue
        reply.retryable = error.isRetryable
        reply.userID = error.userID
        reply.sessionID = error.sessionID
        reply.attempts = error.attempts.map(\.reason.rawValue)
        reply.description = error.description
    } catch {
        reply.error = "\(error)"
    }
    return reply
}

let environment = ProcessInfo.processInfo.environment
var refresh = RefreshConfiguration(directory: environment["REFRESHD_DIRECTORY"])
refresh.mapSize = 16 << 20
refresh.publishReserve = 1 << 20
refresh.logger.logLevel = .critical
var configuration = AuthKitConfiguration()
configuration.logger.logLevel = .critical
let core = try AuthKitCore(
    workOS: WorkOSConfiguration(clientID: "client_1", baseURL: environment["WORKOS_BASE_URL"] ?? ""),
    refresh: refresh, configuration: configuration)
while let line = readLine() {
    guard let call = try? JSONDecoder().decode(WorkerCall.self, from: Data(line.utf8)) else {
        say("not understood")
        continue
    }
    Task.detached { [core] in
        say("began \(call.id)")
        let reply = await answer(call, with: core)
        say(String(decoding: try JSONEncoder().encode(reply), as: UTF8.self))
    }
}
