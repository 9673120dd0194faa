import Foundation
import RefreshClient
import Testing

@testable import WorkOS

@Suite struct RequestTests {
    private func sent(
        apiKey: String? = nil, token: String = "rt_1", organizationID: String? = nil,
        endUser: EndUser = EndUser()
    ) throws -> ScriptedServer.Request {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(200, goodBody)
        }
        let answer = try attempt(
            server.baseURL + "/prefix/", token: token, apiKey: apiKey, organizationID: organizationID,
            endUser: endUser)
        #expect(answer.success?.body == Array(goodBody.utf8))
        let requests = server.finish()
        #expect(requests.count == 1)
        #expect(requests.first?.header("Expect") == nil)
        return try #require(requests.first)
    }

    @Test func confidentialClientSendsItsKeyTwice() throws {
        let request = try sent(
            apiKey: "sk_1", organizationID: "org_1",
            endUser: EndUser(ipAddress: "192.0.2.1", userAgent: "Browser", deviceID: "device_1"))
        #expect(request.head.hasPrefix("POST /prefix/user_management/authenticate HTTP/1.1\r\n"))
        #expect(request.header("Content-Type") == "application/json")
        #expect(request.header("Accept") == "application/json")
        #expect(request.header("User-Agent") == "refreshd")
        #expect(request.header("Idempotency-Key") == "key-1")
        #expect(request.header("Authorization") == "Bearer sk_1")
        #expect(request.header("Transfer-Encoding") == nil)
        let body = try JSONDecoder().decode([String: String].self, from: Data(request.body))
        #expect(
            body == [
                "grant_type": "refresh_token", "client_id": "client_1", "client_secret": "sk_1",
                "refresh_token": "rt_1", "organization_id": "org_1", "ip_address": "192.0.2.1",
                "user_agent": "Browser", "device_id": "device_1",
            ])
    }

    @Test func publicClientSendsNoSecret() throws {
        let request = try sent()
        #expect(request.header("Authorization") == nil)
        let body = try JSONDecoder().decode([String: String].self, from: Data(request.body))
        #expect(body == ["grant_type": "refresh_token", "client_id": "client_1", "refresh_token": "rt_1"])
    }

    @Test(arguments: [
        "quote\" backslash\\ slash/", "\u{0}\u{1}\u{8}\t\n\r\u{1f}\u{7f}", "\u{2028}\u{2029}", "é ß 漢字 עברית",
        "👩🏽‍🚀 \u{10ffff}\u{fffd}", "</script>", String(repeating: "长", count: 400_000),
    ])
    func anyUnicodeArrivesAsItIs(_ text: String) throws {
        let request = try sent(token: text, endUser: EndUser(userAgent: text))
        let body = try JSONDecoder().decode([String: String].self, from: Data(request.body))
        #expect(body["refresh_token"]?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        #expect(body["user_agent"]?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    }

    @Test(arguments: ["", "a\r\nX-Injected: 1", "a b", "é", String(repeating: "k", count: 257)])
    func anIdempotencyKeyThatCannotBeAHeaderIsNotSent(_ key: String) throws {
        let server = try ScriptedServer { $0.readRequest() }
        let upstream = try WorkOSUpstream(WorkOSConfiguration(clientID: "client_1", baseURL: server.baseURL))
        let failure = upstream.attempt(
            UpstreamRequest(refreshToken: "rt_1", idempotencyKey: key), timeout: .seconds(1)
        ).failure
        #expect(failure?.class == .transient)
        #expect(failure?.mayHaveRotated == false)
        #expect(server.finish().isEmpty)
    }
}
