import Testing

@testable import WorkOSEmulator

/// What each fault does to the call it meets, and to the token.
@Suite struct FaultTests {
    /// A failure with an answer: (fault, status, body's field with the name, name, Retry-After).
    static let answered: [(String, Int, String, String, String?)] = [
        (#"{"kind":"invalid_grant"}"#, 400, "error", "invalid_grant", nil),
        (#"{"kind":"mfa_enrollment"}"#, 403, "code", "mfa_enrollment", nil),
        (#"{"kind":"sso_required"}"#, 403, "error", "sso_required", nil),
        (#"{"kind":"invalid_client"}"#, 401, "error", "invalid_client", nil),
        (#"{"kind":"invalid_client","status":400}"#, 400, "error", "invalid_client", nil),
        (#"{"kind":"status","status":408}"#, 408, "error", "request_timeout", nil),
        (#"{"kind":"status","status":429,"retry_after":1}"#, 429, "error", "too_many_requests", "1"),
        (
            #"{"kind":"status","status":429,"shape":"code","retry_after":"soon"}"#, 429, "code",
            "rate_limit_exceeded", "soon"
        ),
        (#"{"kind":"status","status":429}"#, 429, "error", "too_many_requests", nil),
        (#"{"kind":"status","status":500}"#, 500, "error", "server_error", nil),
        (#"{"kind":"status","status":503,"shape":"code"}"#, 503, "code", "server_error", nil),
    ]

    @Test(arguments: answered)
    func failureLeavesTheTokenGood(
        fault: String, status: Int, field: String, name: String, retryAfter: String?
    ) async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault("[\(fault)]")
            let reply = try await emulator.refresh(token)
            #expect(reply.status == status)
            #expect(reply[field] == .string(name))
            #expect(reply[field == "error" ? "error_description" : "message"]?.text?.isEmpty == false)
            #expect(reply.headers["retry-after"] == retryAfter)
            #expect((reply["pending_authentication_token"] != nil) == (name == "mfa_enrollment"))
            #expect(reply.headers["x-request-id"] != nil)
            #expect(try await emulator.count("rotations") == 0)
            #expect(try await emulator.count("faults_applied", of: token) == 1)
            #expect(try await emulator.refresh(token).status == 200, "a fault is used up")
        }
    }

    @Test(arguments: [("text", "text/plain; charset=utf-8"), ("empty", nil)])
    func failureNeedNotBeJSON(shape: String, contentType: String?) async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"status","status":502,"shape":"\#(shape)"}]"#)
            let reply = try await emulator.refresh(token)
            #expect(reply.status == 502)
            #expect(reply.json == .null)
            #expect(reply.headers["content-type"] == contentType)
            #expect(reply.body.isEmpty == (shape == "empty"))
        }
    }

    /// How the connection ends: (fault, what reading gives, whether the token is spent).
    @Test(arguments: [
        ("reset_before", RawConnection.Failure.reset, false), ("reset_after", .reset, true),
        ("drop_answer", .closed, true),
    ])
    func connectionEndsWithoutAnAnswer(
        kind: String, failure: RawConnection.Failure, rotates: Bool
    ) async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"\#(kind)"}]"#)
            await #expect(throws: failure) { _ = try await emulator.refresh(token) }
            #expect(try await emulator.count("rotations", of: token) == (rotates ? 1 : 0))
            #expect(try await emulator.count("in_flight") == 0)
            #expect(try await emulator.refresh(token).status == (rotates ? 400 : 200))
        }
    }

    @Test func malformedAndForeignBodiesComeAfterTheRotation() async throws {
        try await TestEmulator.run { emulator in
            for kind in ["malformed_json", "not_json"] {
                let token = try await emulator.signIn()
                try await emulator.fault(#"[{"kind":"\#(kind)"}]"#)
                let reply = try await emulator.refresh(token)
                #expect(reply.status == 200)
                #expect(!reply.body.isEmpty)
                #expect(reply.json == .null)
                #expect(try await emulator.count("rotations", of: token) == 1)
            }
        }
    }

    @Test func cutShortAnnouncesMoreThanItSends() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"cut_short"}]"#)
            let connection = try RawConnection(port: emulator.port)
            try connection.send(TestEmulator.refreshRequest(token))
            let (announced, received) = try await blocking {
                let reader = HTTPReader(connection)
                let length = Int(try reader.head().headers["content-length"] ?? "") ?? 0
                var received = 0
                while (try? reader.bytes(1)) != nil { received += 1 }
                return (length, received)
            }
            #expect(received == announced / 2)
            #expect(received > 100)
            #expect(try await emulator.count("rotations", of: token) == 1)
        }
    }

    @Test func oversizedBodyIsStillJSON() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"oversized_body"},{"kind":"oversized_body","bytes":200000}]"#)
            let first = try await emulator.refresh(token)
            #expect(first.body.count > 65_536)
            let second = try await emulator.refresh(try #require(first["refresh_token"]?.text))
            #expect(second.body.count == 200_000)
            #expect(second["access_token"] != nil)
        }
    }

    @Test func slowBodyArrivesInPiecesAndWhole() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"slow_body","body_ms":200}]"#)
            let start = ContinuousClock.now
            let reply = try await emulator.refresh(token)
            #expect(ContinuousClock.now - start >= .milliseconds(190))
            #expect(reply["refresh_token"] != nil)
        }
    }

    @Test func faultsComeInOrderForWhomTheyAreMeant() async throws {
        try await TestEmulator.run { emulator in
            let first = try await emulator.signIn(#"{"email":"first@example.com"}"#)
            let second = try await emulator.signIn()
            try await emulator.fault(
                #"[{"kind":"status","status":500,"refresh_token":"\#(second)"},"#
                    + #"{"kind":"status","status":501,"email":"first@example.com","count":2},"#
                    + #"{"kind":"status","status":502,"token_hash":"\#(TokenHash(of: second).text)"}]"#)
            #expect(try await emulator.refresh(first).status == 501)
            #expect(try await emulator.refresh(second).status == 500)
            #expect(try await emulator.refresh(second).status == 502)
            #expect(try await emulator.refresh(first).status == 501)
            #expect(try await emulator.refresh(first).status == 200)
            #expect(try await emulator.refresh(second).status == 200)
        }
    }

    @Test func delayFaultReplacesTheDelay() async throws {
        try await TestEmulator.run {
            $0.delay = .seconds(3600)
        } body: { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"delay","delay_ms":1}]"#)
            #expect(try await emulator.refresh(token).status == 200)
        }
    }

    @Test func clearingForgetsFaults() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"hang","count":5}]"#)
            #expect(
                try await emulator.send("GET", "/_emulator/faults").json == [["kind": "hang", "count": 5]])
            #expect(try await emulator.send("DELETE", "/_emulator/faults").status == 204)
            #expect(try await emulator.refresh(token).status == 200)
        }
    }
}
