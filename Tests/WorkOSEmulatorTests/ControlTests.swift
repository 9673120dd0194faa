import Testing

@testable import WorkOSEmulator

@Suite struct ControlTests {
    /// (method, path, body, what the message must name).
    static let bad: [(String, String, String, String)] = [
        ("POST", "/_emulator/faults", "", "JSON"),
        ("POST", "/_emulator/faults", "{", "JSON"),
        ("POST", "/_emulator/faults", "{}", "list"),
        ("POST", "/_emulator/faults", "[]", "1 to 1000"),
        ("POST", "/_emulator/faults", "[1]", "faults[0]"),
        ("POST", "/_emulator/faults", #"[{"kind":"hang"},{"kind":"nope"}]"#, "faults[1].kind"),
        ("POST", "/_emulator/faults", #"[{"count":1}]"#, "faults[0].kind"),
        ("POST", "/_emulator/faults", #"[{"kind":"status"}]"#, "faults[0].status"),
        ("POST", "/_emulator/faults", #"[{"kind":"status","status":200}]"#, "400 to 599"),
        ("POST", "/_emulator/faults", #"[{"kind":"status","status":500,"shape":"round"}]"#, "shape"),
        ("POST", "/_emulator/faults", #"[{"kind":"hang","count":0}]"#, "count"),
        ("POST", "/_emulator/faults", #"[{"kind":"hang","count":1.5}]"#, "count"),
        ("POST", "/_emulator/faults", #"[{"kind":"hang","cuont":1}]"#, "cuont"),
        ("POST", "/_emulator/faults", #"[{"kind":"hang","token_hash":"xyz"}]"#, "token_hash"),
        (
            "POST", "/_emulator/faults", #"[{"kind":"status","status":429,"retry_after":"a\nb"}]"#,
            "retry_after"
        ),
        ("PATCH", "/_emulator/settings", "[]", "object"),
        ("PATCH", "/_emulator/settings", "", "JSON"),
        ("PATCH", "/_emulator/settings", #"{"delay":5}"#, "delay_ms"),
        ("PATCH", "/_emulator/settings", #"{"delay_ms":-1}"#, "delay_ms"),
        ("PATCH", "/_emulator/settings", #"{"delay_ms":9,"user_limit":"often"}"#, "user_limit"),
        ("PATCH", "/_emulator/settings", #"{"replay_grace_s":"10"}"#, "replay_grace_s"),
        ("POST", "/_emulator/sessions", #"{"mail":"x"}"#, "mail"),
        ("POST", "/_emulator/sessions", #"{"email":""}"#, "email"),
        ("POST", "/_emulator/sessions", #"{"user":{"id":"user_1"}}"#, "id"),
        ("POST", "/_emulator/sessions", #"{"permissions":["a",1]}"#, "permissions"),
        ("GET", "/_emulator/stats?token_hash=short", "", "16 hex"),
        ("GET", "/_emulator/stats?token=x", "", "token_hash"),
        ("GET", "/_emulator/events?since=-1", "", "since"),
        ("GET", "/_emulator/events?follow=maybe", "", "follow"),
    ]

    @Test(arguments: bad)
    func badInputIsNamed(method: String, path: String, body: String, mention: String) async throws {
        try await TestEmulator.run { emulator in
            let before = try await emulator.send("GET", "/_emulator/settings").json
            let reply = try await emulator.send(method, path, body)
            #expect(reply.status == 400)
            #expect(reply["error"] == "invalid_request")
            #expect(reply["error_description"]?.text?.contains(mention) == true, "\(reply.json)")
            #expect(try await emulator.send("GET", "/_emulator/settings").json == before)
            #expect(try await emulator.send("GET", "/_emulator/faults").json == [])
        }
    }

    @Test func settingsChangeWhileRunning() async throws {
        try await TestEmulator.run { emulator in
            let changed = try await emulator.send(
                "PATCH", "/_emulator/settings",
                #"{"delay_ms":1,"replay_grace_s":2.5,"access_token_ttl_s":60,"user_limit":"3/60","#
                    + #""environment_limit":"off","retry_after_s":7,"client_id":"client_1","api_key":"sk"}"#)
            #expect(changed.status == 200)
            #expect(
                try await emulator.send("GET", "/_emulator/settings").json
                    == [
                        "delay_ms": 1, "replay_grace_s": .number(2.5), "access_token_ttl_s": 60,
                        "user_limit": "3/60", "environment_limit": "off", "retry_after_s": 7,
                        "client_id": "client_1", "api_key_required": true,
                    ])
            let token = try await emulator.signIn()
            #expect(try await emulator.refresh(token).status == 401)
            _ = try await emulator.send(
                "PATCH", "/_emulator/settings", #"{"api_key":null,"retry_after_s":null}"#)
            #expect(try await emulator.refresh(token).status == 200)
        }
    }

    @Test func resetForgetsEverythingButTheEventNumbers() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            _ = try await emulator.send("PATCH", "/_emulator/settings", #"{"delay_ms":5}"#)
            try await emulator.fault(#"[{"kind":"hang"}]"#)
            #expect(try await emulator.send("POST", "/_emulator/reset").status == 204)
            #expect(try await emulator.send("GET", "/_emulator/faults").json == [])
            #expect(try await emulator.send("GET", "/_emulator/settings")["delay_ms"] == 0)
            #expect(try await emulator.refresh(token)["error_description"] == "Refresh token is not valid.")
            #expect(try await emulator.count("unknown_tokens") == 1)
            let events = try await emulator.send("GET", "/_emulator/stats?tokens=false")
            #expect(events["tokens"] == nil)
            #expect(events["answers"] == ["400": 1])
        }
    }

    @Test func statisticsResetKeepsWhatIsInFlight() async throws {
        try await TestEmulator.run {
            $0.delay = .seconds(3600)
        } body: { emulator in
            let token = try await emulator.signIn()
            let connection = try RawConnection(port: emulator.port)
            try connection.send(TestEmulator.refreshRequest(token))
            try await emulator.event(.requestArrived, about: token)
            #expect(try await emulator.send("DELETE", "/_emulator/stats").status == 204)
            #expect(try await emulator.count("refresh_calls") == 0)
            #expect(try await emulator.count("in_flight") == 1)
            #expect(try await emulator.count("in_flight", of: token) == 1)
            connection.shutdownBoth()
            try await emulator.event(.clientGone, about: token)
            #expect(try await emulator.count("in_flight") == 0)
        }
    }

    @Test func healthAndUnknownPaths() async throws {
        try await TestEmulator.run { emulator in
            #expect(try await emulator.send("GET", "/_emulator/health").json == ["status": "ok"])
            let reply = try await emulator.send("GET", "/nowhere")
            #expect(reply.status == 404)
            #expect(reply["code"] == "not_found")
            #expect(reply.headers["x-request-id"] != nil)
        }
    }
}
