import Testing

@testable import WorkOS

/// The request for the keys that sign access tokens.
@Suite struct KeySetTests {
    private func upstream(_ baseURL: String, clientID: String = "client_1") throws -> WorkOSUpstream {
        try WorkOSUpstream(WorkOSConfiguration(clientID: clientID, apiKey: "sk_1", baseURL: baseURL))
    }

    @Test func `it comes verbatim, asked for once, without the API key`() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(200, #"{"keys":[ ]}"#)
        }
        let bytes = try upstream(server.baseURL + "/prefix/").keySet(timeout: .seconds(10))
        #expect(bytes == Array(#"{"keys":[ ]}"#.utf8))
        let requests = server.finish()
        #expect(requests.count == 1)
        #expect(requests.first?.head.hasPrefix("GET /prefix/sso/jwks/client_1 HTTP/1.1\r\n") == true)
        #expect(requests.first?.head.contains("sk_1") == false)
        #expect(requests.first?.header("Accept") == "application/json")
    }

    @Test func `a client id stays one segment of the path`() throws {
        let endpoint = try Endpoint(baseURL: "https://api.workos.com")
        #expect(
            endpoint.keySetURL(clientID: "a/../b?c#d%") == "https://api.workos.com/sso/jwks/a%2F..%2Fb%3Fc%23d%25")
        #expect(endpoint.keySetURL(clientID: "client_1-A.~") == "https://api.workos.com/sso/jwks/client_1-A.~")
    }

    @Test(arguments: [404, 302, 500])
    func `any status but 200 is a failure`(status: Int) throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(status, #"{"keys":[]}"#, headers: "Location: /elsewhere\r\n")
        }
        let error = #expect(throws: KeySetFailure.self) {
            try upstream(server.baseURL).keySet(timeout: .seconds(10))
        }
        #expect(error?.description.contains("\(status)") == true)
        #expect(server.finish().count == 1)
    }

    @Test func `more than 64 KiB, a connection that breaks and no time left are failures`() throws {
        let long = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(200, String(repeating: " ", count: 64 * 1024 + 1))
        }
        #expect(throws: KeySetFailure.self) { try upstream(long.baseURL).keySet(timeout: .seconds(10)) }
        #expect(long.finish().count == 1)
        let broken = try ScriptedServer { connection in
            connection.readRequest()
            connection.reset()
        }
        #expect(throws: KeySetFailure.self) { try upstream(broken.baseURL).keySet(timeout: .seconds(10)) }
        #expect(throws: KeySetFailure.self) { try upstream(broken.baseURL).keySet(timeout: .zero) }
        #expect(broken.finish().count == 1)
    }

    @Test func `a server that says nothing is waited for to the timeout`() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.awaitClose()
        }
        #expect(throws: KeySetFailure.self) { try upstream(server.baseURL).keySet(timeout: .milliseconds(100)) }
        #expect(server.finish().count == 1)
    }
}
