// A process of a server that uses AuthKit. Takes one call a line and runs all of them at once:
//
//   {"id":1,"call":"validate","accessToken":"…","refreshToken":"…","userID":"…","organizationID":"…","force":true}
//   {"id":2,"call":"refresh", …}
//
// and says "began ID" when a call begins and {"id":1, …} when it is over. Where everything is comes by the environment.
import AuthKit
import Foundation
import LeaseTable
import Logging
import RefreshClient
import WorkOS

struct Call: Decodable, Sendable {
    var id: Int
    var call: String
    var accessToken: String
    var refreshToken: String
    var userID: String?
    var organizationID: String?
    var force: Bool?
}

struct Reply: Encodable, Sendable {
    var id: Int
    var accessToken: String?
    var refreshToken: String?
    var userID: String?
    var sessionID: String?
    var refreshed: Bool?
    var verified: Bool?
    var error: String?
    var reason: String?
    var retryable: Bool?
    var attempts: [String]?
    var description: String?
}

func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

func answer(_ call: Call, with core: AuthKitCore) async -> Reply {
    var reply = Reply(id: call.id)
    do {
        if call.call == "refresh" {
            let session = try await core.refreshTokens(
                call.refreshToken, organizationID: call.organizationID,
                context: RefreshContext(userID: call.userID))
            reply.accessToken = session.accessToken
            reply.refreshToken = session.refreshToken
            reply.userID = session.userID
        } else {
            let user = call.userID.map { JSONValue.object(["id": .string($0)]) }
            let validated = try await core.validateAndRefresh(
                AuthKitSession(accessToken: call.accessToken, refreshToken: call.refreshToken, user: user),
                force: call.force ?? false, organizationID: call.organizationID)
            reply.accessToken = validated.session.accessToken
            reply.refreshToken = validated.session.refreshToken
            reply.userID = validated.session.userID
            reply.sessionID = validated.claims?.sessionID
            reply.refreshed = validated.isRefreshed
            reply.verified = validated.verification == .verified
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
say("ready")
while let line = readLine() {
    guard let call = try? JSONDecoder().decode(Call.self, from: Data(line.utf8)) else {
        say("not understood")
        continue
    }
    Task.detached { [core] in
        say("began \(call.id)")
        let reply = await answer(call, with: core)
        say(String(decoding: try JSONEncoder().encode(reply), as: UTF8.self))
    }
}
