import Foundation
import RefreshClient
import Testing

@testable import WorkOS

@Suite struct TransportTests {
    @Test func theAnswerIsKeptAsItCame() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(
                429, "x",
                headers:
                    "X-Request-ID:  req_1 \r\nX-Other: 1\r\nretry-after: 7\r\nContent-Type: text/plain\r\n")
        }
        let failure = try #require(try attempt(server.baseURL).failure)
        #expect(failure.status == 429)
        #expect(failure.retryAfterMilliseconds == 7000)
        #expect(failure.requestID == "req_1")
        #expect(failure.headers.map(\.name) == ["X-Request-ID", "retry-after", "Content-Type"])
        #expect(failure.headers.map(\.value) == ["req_1", "7", "text/plain"])
        #expect(failure.body == Array("x".utf8))
        #expect(server.finish().count == 1)
    }

    @Test func successCarriesItsRequestID() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.send("HTTP/1.1 103 Early Hints\r\nX-Request-ID: early\r\n\r\n")
            connection.answer(200, goodBody, headers: "x-request-id: req_2\r\n")
        }
        #expect(try attempt(server.baseURL).success?.requestID == "req_2")
    }

    /// The body's bound is 64 KiB exactly.
    @Test func longBodies() throws {
        let longest = ReceivedAnswer.longestBody
        let server = try ScriptedServer { connection in
            guard let request = connection.readRequest() else { return }
            let length = request.header("Idempotency-Key") == "key-1" ? longest : 0
            let frame = #"{"access_token":"at_1","x":""}"#
            let padding = String(repeating: "x", count: length - frame.utf8.count + connection.number - 1)
            connection.answer(200, #"{"access_token":"at_1","x":"\#(padding)"}"#)
        }
        #expect(try attempt(server.baseURL).success?.body.count == longest)
        let failure = try #require(try attempt(server.baseURL).failure)
        #expect(failure.reason == .serverError)
        #expect(failure.mayHaveRotated)
        #expect(failure.detail.contains("65536"))
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func redirectsAreNotFollowed(_ status: Int) throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(status, "", headers: "Location: /elsewhere\r\nConnection: close\r\n")
        }
        #expect(try attempt(server.baseURL).failure?.status == status)
        #expect(server.finish().count == 1)
    }

    // Server                                   Attempt
    // reads the whole request
    // closes (or resets) without an answer     sees the end; must not send again
    @Test(arguments: [false, true])
    func aLostAnswerIsNotAskedForAgain(_ resets: Bool) throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            if resets { connection.reset() }
        }
        let failure = try #require(try attempt(server.baseURL).failure)
        #expect(failure.class == .transient)
        #expect(failure.reason == .networkError)
        #expect(failure.mayHaveRotated)
        #expect(failure.status == nil)
        #expect(server.finish().count == 1)
    }

    // Server                                   Attempts
    // answers the first, keeps it alive        first succeeds
    // whatever comes next: reads, closes       second: one request, on a connection of its own
    @Test func aConnectionIsNotUsedAgain() throws {
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            if connection.number == 1 {
                connection.answer(200, goodBody, headers: "Connection: keep-alive\r\n")
                // Noted, and closed without an answer, should the next come on this connection.
                connection.readRequest()
            }
        }
        #expect(try attempt(server.baseURL).success != nil)
        let failure = try #require(try attempt(server.baseURL).failure)
        #expect(failure.reason == .networkError)
        #expect(failure.mayHaveRotated)
        #expect(server.finish().map(\.connection) == [1, 2])
    }

    @Test func aSuccessCutShort() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.send(
                "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"access_token\":\"at_1\",\"refresh_token\":\"rt"
            )
        }
        let failure = try #require(try attempt(server.baseURL).failure)
        #expect(failure.reason == .serverError)
        #expect(failure.status == 200)
        #expect(failure.mayHaveRotated)
        #expect(failure.detail.contains("rotated"))
        #expect(failure.body.isEmpty)
        #expect(server.finish().count == 1)
    }

    @Test func aSuccessWhoseFrameIsCutShortIsWhole() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            let length = String(goodBody.utf8.count, radix: 16)
            connection.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(length)\r\n\(goodBody)\r\n")
        }
        #expect(try attempt(server.baseURL).success?.body == Array(goodBody.utf8))
    }

    @Test func anAnswerThatIsNotHTTP() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.send("SSH-2.0-OpenSSH_9.2\r\n")
        }
        let failure = try #require(try attempt(server.baseURL).failure)
        #expect(failure.reason == .serverError)
        #expect(failure.mayHaveRotated)
    }

    @Test func noAnswerInTime() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.awaitClose()
        }
        let begin = ContinuousClock.now
        let failure = try #require(try attempt(server.baseURL, timeout: .milliseconds(300)).failure)
        let elapsed = ContinuousClock.now - begin
        #expect(failure.class == .transient)
        #expect(failure.reason == .timeout)
        #expect(failure.mayHaveRotated)
        // libcurl counts in whole milliseconds.
        #expect(elapsed >= .milliseconds(295) && elapsed < .seconds(2), "\(elapsed)")
        #expect(server.finish().count == 1)
    }

    /// Drop by drop is not for ever: the timeout is for the whole attempt.
    @Test func anAnswerThatTrickles() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            connection.awaitClose()
        }
        let failure = try #require(try attempt(server.baseURL, timeout: .milliseconds(300)).failure)
        #expect(failure.reason == .timeout)
        #expect(failure.mayHaveRotated)
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func noTimeAtAll(_ timeout: Duration) throws {
        let server = try ScriptedServer { $0.readRequest() }
        let failure = try #require(try attempt(server.baseURL, timeout: timeout).failure)
        #expect(failure.reason == .timeout)
        #expect(!failure.mayHaveRotated)
        #expect(server.finish().isEmpty)
    }

    @Test func nobodyListens() throws {
        let port = try UnheardPort()
        let failure = try #require(try attempt("http://127.0.0.1:\(port.number)").failure)
        #expect(failure.class == .transient)
        #expect(failure.reason == .networkError)
        #expect(failure.status == nil)
        #expect(!failure.mayHaveRotated)
    }

    @Test func noSuchName() throws {
        let failure = try #require(try attempt("https://host.invalid", timeout: .seconds(5)).failure)
        #expect(failure.reason == .networkError || failure.reason == .timeout)
        #expect(!failure.mayHaveRotated)
    }

    /// TLS spoken to a server that is silent: the time for connecting ends first, and nothing was sent.
    @Test func noConnectionInTime() throws {
        let server = try ScriptedServer { $0.awaitClose() }
        let begin = ContinuousClock.now
        let failure = try #require(
            try attempt("https://127.0.0.1:\(server.port)", connectTimeout: .milliseconds(300)).failure)
        #expect(failure.reason == .timeout)
        #expect(!failure.mayHaveRotated)
        #expect(ContinuousClock.now - begin < .seconds(2))
    }

    /// An answer before the request was read to its end counts as what it says.
    @Test func anEarlyRefusal() throws {
        let server = try ScriptedServer { connection in
            connection.answer(429, "{}", headers: "Connection: close\r\n")
            connection.awaitClose()
        }
        #expect(try attempt(server.baseURL).failure?.reason == .rateLimitExceeded)
    }
}
