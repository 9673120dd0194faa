import ServiceLifecycle
import Testing

@testable import WorkOSEmulator

/// A client that leaves before its refresh took effect leaves its token as it was.
@Suite struct DisconnectTests {
    enum Departure: CaseIterable, Sendable {
        case close, reset, halfClose
    }

    @Test(arguments: Departure.allCases)
    func leavingDuringTheDelayRotatesNothing(_ departure: Departure) async throws {
        try await TestEmulator.run {
            $0.delay = .seconds(3600)
        } body: { emulator in
            let token = try await emulator.signIn()
            do {
                let connection = try RawConnection(port: emulator.port)
                try connection.send(TestEmulator.refreshRequest(token))
                try await emulator.event(.requestArrived, about: token)
                #expect(try await emulator.count("in_flight", of: token) == 1)
                switch departure {
                case .close: connection.shutdownBoth()
                case .reset: connection.resetOnClose()
                case .halfClose: connection.shutdownSending()
                }
                if departure == .halfClose {
                    let rest = try await blocking { try connection.receive() }
                    #expect(rest.isEmpty, "no answer to who has gone")
                }
            }
            let event = try await emulator.event(.clientGone, about: token)
            #expect(event["rotated"] == false)
            #expect(try await emulator.count("abandoned", of: token) == 1)
            #expect(try await emulator.count("in_flight", of: token) == 0)
            #expect(try await emulator.count("rotations", of: token) == 0)
            _ = try await emulator.send("PATCH", "/_emulator/settings", #"{"delay_ms":0}"#)
            #expect(try await emulator.refresh(token).status == 200)
        }
    }

    @Test func rotateFirstTakesEffectThoughTheClientLeaves() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"rotate_first","delay_ms":3600000}]"#)
            do {
                let connection = try RawConnection(port: emulator.port)
                try connection.send(TestEmulator.refreshRequest(token))
                try await emulator.event(.rotated, about: token)
                connection.shutdownBoth()
            }
            #expect(try await emulator.event(.clientGone, about: token)["rotated"] == true)
            #expect(try await emulator.refresh(token)["error"] == "invalid_grant")
        }
    }

    @Test func hangAnswersNobodyAndEndsWithTheClient() async throws {
        try await TestEmulator.run { emulator in
            let token = try await emulator.signIn()
            try await emulator.fault(#"[{"kind":"hang"}]"#)
            let connection = try RawConnection(port: emulator.port)
            try connection.send(TestEmulator.refreshRequest(token))
            try await emulator.event(.faultApplied, about: token)
            connection.shutdownBoth()
            try await emulator.event(.clientGone, about: token)
            #expect(try await emulator.refresh(token).status == 200)
        }
    }

    @Test func concurrentCallsOfOneTokenAreCounted() async throws {
        try await TestEmulator.run {
            $0.delay = .seconds(3600)
        } body: { emulator in
            let token = try await emulator.signIn()
            let connections = try (0..<3).map { _ in try RawConnection(port: emulator.port) }
            for (index, connection) in connections.enumerated() {
                try connection.send(TestEmulator.refreshRequest(token))
                while try await emulator.count("refresh_calls", of: token) != index + 1 { await Task.yield() }
            }
            #expect(try await emulator.count("max_in_flight", of: token) == 3)
            #expect(try await emulator.count("max_in_flight") == 3)
            for connection in connections { connection.shutdownBoth() }
        }
    }

    /// Stopping closes what still waits, at once and without effect.
    @Test func stopEndsCallsThatWaitAndStreams() async throws {
        try await TestEmulator.run {
            $0.delay = .seconds(3600)
        } body: { emulator in
            let token = try await emulator.signIn()
            let call = try RawConnection(port: emulator.port)
            try call.send(TestEmulator.refreshRequest(token))
            try await emulator.event(.requestArrived, about: token)
            let stream = try RawConnection(port: emulator.port)
            try stream.send(TestEmulator.request("GET", "/_emulator/events?since=0"))
            let reader = HTTPReader(stream)
            _ = try reader.head()
            await emulator.group.triggerGracefulShutdown()
            let rest = try await blocking { try call.receive() }
            #expect(rest.isEmpty)
            var kinds: [String] = []
            while let chunk = try reader.chunk() {
                for line in chunk.split(separator: UInt8(ascii: "\n")) {
                    kinds.append(JSONText.parse(line)?["event"]?.text ?? "")
                }
            }
            #expect(!kinds.contains("rotated"))
        }
    }
}
