import Testing

@testable import WorkOSEmulator

@Suite struct EventTests {
    @Test func aCallsWayIsToldInOrder() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            let reply = try await emulator.refresh(token)
            let events = try await Self.all(emulator).filter {
                $0["request_id"]?.text == reply.headers["x-request-id"]
            }
            #expect(
                events.map { $0["event"]?.text } == ["request_arrived", "delay_over", "rotated", "answered"])
            #expect(events.last?["status"] == 200)
            let times = events.compactMap { $0["time_ns"]?.int }
            #expect(times == times.sorted() && times.count == 4)
            let successor = TokenHash(of: try #require(reply["refresh_token"]?.text)).text
            #expect(events[2]["successor_hash"]?.text == successor)
        }
    }

    @Test func aFollowingReaderMissesNothingUnderLoad() async throws {
        try await TestEmulator.run { emulator in
            let stream = try RawConnection(port: emulator.port)
            try stream.send(TestEmulator.request("GET", "/_emulator/events"))
            let reader = HTTPReader(stream)
            #expect(try reader.head().headers["content-type"] == "application/x-ndjson")
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 0..<40 {
                    tasks.addTask {
                        let token = try await emulator.signIn()
                        #expect(try await emulator.refresh(token).status == 200)
                    }
                }
                try await tasks.waitForAll()
            }
            // One event per sign-in and four per refresh.
            var numbers: [Int] = []
            while numbers.count < 200, let chunk = try reader.chunk() {
                numbers += chunk.split(separator: UInt8(ascii: "\n")).compactMap {
                    JSONText.parse($0)?["seq"]?.int
                }
            }
            #expect(numbers == Array(1...200))
        }
    }

    @Test func noTokenIsEverTold() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"delay","delay_ms":0,"refresh_token":"\#(token)"}]"#)
            let faults = try await emulator.send("GET", "/_emulator/faults")
            let next = try #require(try await emulator.refresh(token)["refresh_token"]?.text)
            let stats = try await emulator.send("GET", "/_emulator/stats")
            let events = try await emulator.send("GET", "/_emulator/settings")
            let told =
                [faults, stats, events].map { String(decoding: $0.body, as: UTF8.self) }.joined()
                + (try await Self.all(emulator).map {
                    String(decoding: try JSONText.bytes($0), as: UTF8.self)
                }).joined()
            #expect(told.contains(TokenHash(of: token).text))
            #expect(!told.contains(token))
            #expect(!told.contains(next))
        }
    }

    @Test func whatTheRingLostIsSaid() async throws {
        try await TestEmulator.run(eventCapacity: 4) { emulator in
            for _ in 0..<10 { _ = try await emulator.signIn() }
            let events = try await Self.all(emulator)
            #expect(events.first == ["event": "gap", "from": 1, "to": 6])
            #expect(events.dropFirst().map { $0["seq"]?.int } == [7, 8, 9, 10])
            #expect(try await Self.all(emulator, since: 8).map { $0["seq"]?.int } == [9, 10])
            #expect(try await Self.all(emulator, since: 10).isEmpty)
            #expect(try await Self.all(emulator, since: 99).isEmpty)
        }
    }

    @Test func hashIsAPrefixOfSHA256() {
        // printf %s abc | sha256sum
        #expect(TokenHash(of: "abc").text == "ba7816bf8f01cfea")
        #expect(TokenHash(text: "BA7816BF8F01CFEA") == TokenHash(of: "abc"))
        #expect(TokenHash(text: "ba7816bf8f01cfe") == nil)
    }

    /// Everything the ring holds after `since`.
    static func all(_ emulator: TestEmulator, since: Int = 0) async throws -> [JSONValue] {
        try await blocking {
            let connection = try RawConnection(port: emulator.port)
            try connection.send(TestEmulator.request("GET", "/_emulator/events?since=\(since)&follow=false"))
            let reader = HTTPReader(connection)
            _ = try reader.head()
            var events: [JSONValue] = []
            while let chunk = try reader.chunk() {
                events += chunk.split(separator: UInt8(ascii: "\n")).compactMap { JSONText.parse($0) }
            }
            return events
        }
    }
}
