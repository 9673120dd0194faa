import Foundation
import RefreshClient
import SanitizerSupport
import TableTestSupport
import Testing

@testable import WorkOS

/// What shows only in a process of its own.
@Suite struct ProcessTests {
    /// getaddrinfo never returns; the attempt does, when the time for connecting is up.
    @Test func aResolverThatHangsHoldsNobody() throws {
        let directory = try LibraryDirectory()
        let ran = try run(
            "workos-probe", ["attempt", "https://api.example.invalid", "700"],
            environment: ["LD_PRELOAD": preloadLibrary(in: directory), "PROBE_BLOCK_RESOLVER": "1"])
        let words = try #require(ran.line("attempt"))
        #expect(words[1...].starts(with: ["failure"]), "\(ran.output)")
        let elapsed = try #require(Int(words[2]))
        #expect(elapsed >= 695 && elapsed < 1700, "\(elapsed) ms")
        #expect(Array(words[3...5]) == ["transient", "timeout", "false"])
    }

    @Test func withoutLibcurlTheErrorNamesTheFix() throws {
        let directory = try LibraryDirectory()
        let ran = try run(
            "workos-probe", ["attempt", "https://api.example.invalid", "700"],
            environment: ["LD_PRELOAD": preloadLibrary(in: directory), "PROBE_NO_LIBCURL": "1"])
        #expect(ran.status == 0)
        #expect(ran.output.contains("apt install libcurl4"), "\(ran.output)")
        #expect(ran.line("attempt").map { Array($0[3...5]) } == ["transient", "network_error", "false"])
    }

    /// Every write of the probe goes to a broken pipe, and raises SIGPIPE where it can; its disposition is the
    /// default, which would end the process.
    @Test func aBrokenPipeRaisesNoSignal() throws {
        let server = try ScriptedServer { $0.awaitClose() }
        let directory = try LibraryDirectory()
        let ran = try run(
            "workos-probe", ["attempt", server.baseURL, "5000"],
            environment: ["LD_PRELOAD": preloadLibrary(in: directory), "PROBE_PLAIN_WRITES": "1"])
        #expect(ran.status == 0)
        #expect(ran.line("attempt")?.dropFirst().first == "failure", "\(ran.output)")
        #expect(server.finish().isEmpty)
    }

    @Test func aForkAfterUse() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(200, goodBody)
        }
        let ran = try run("workos-probe", ["fork", server.baseURL])
        #expect(ran.status == 0, "\(ran.output)")
        #expect(server.finish().count == 3)
    }

    // Parent, thread               Parent, main          Child
    // sends, waits for the answer
    //                              forks
    //                                                    sends, gets its answer, _exit
    // gets its answer, whole
    @Test func aForkWhileAnAttemptIsInFlight() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            if connection.number == 1 {
                connection.server.signal("first sent")
                connection.server.await("second answered")
            }
            connection.answer(200, goodBody)
            if connection.number == 2 {
                connection.awaitClose()
                connection.server.signal("second answered")
            }
        }
        let running = try Program("workos-probe", ["fork-in-flight", server.baseURL])
        server.await("first sent")
        running.send(line: "fork")
        let ran = running.finish()
        #expect(ran.status == 0, "\(ran.output)")
        #expect(ran.line("child")?[1] == "success", "\(ran.output)")
        #expect(ran.line("parent")?[1] == "success", "\(ran.output)")
        #expect(server.finish().count == 2)
    }

    // Parent, thread               Parent, main          Child
    // loads libcurl
    //                              forks: waits for it
    // loaded
    //                                                    loaded too, sends, _exit
    @Test(.disabled(if: Sanitizer.running == .thread, "ThreadSanitizer holds the child of a process with threads"))
    func aForkWhileLibcurlIsLoaded() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(200, goodBody)
        }
        let directory = try LibraryDirectory()
        let running = try Program(
            "workos-probe", ["fork-in-flight", server.baseURL],
            environment: ["LD_PRELOAD": preloadLibrary(in: directory), "PROBE_SLOW_LOAD": "1"])
        #expect(running.outputLine() == "loading")
        running.send(line: "fork")
        let ran = running.finish()
        #expect(ran.line("child")?[1] == "success", "\(ran.output)")
        #expect(ran.line("parent")?[1] == "success", "\(ran.output)")
        #expect(server.finish().count == 2)
    }

    /// A proxy is spoken to through CONNECT alone: it sees neither key nor token, and its refusal is no answer of
    /// the upstream.
    @Test func proxiesSeeNothing() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(429, "{}", headers: "Connection: close\r\n")
        }
        let environment = ["https_proxy": server.baseURL, "http_proxy": server.baseURL, "no_proxy": ""]
        let ran = try run(
            "workos-probe", ["attempt", "https://api.example.invalid", "5000"], environment: environment)
        #expect(
            ran.line("attempt").map { Array($0[3...5]) } == ["transient", "network_error", "false"],
            "\(ran.output)")
        let seen = server.finish()
        #expect(seen.count == 1)
        #expect(seen.first?.head.hasPrefix("CONNECT api.example.invalid:443 ") == true)
        #expect(seen.first?.head.contains("Idempotency-Key") == false)
        #expect(seen.first?.body.isEmpty == true)
    }

    @Test func loopbackIsSpokenToDirectly() throws {
        let proxy = try ScriptedServer { $0.readRequest() }
        let server = try ScriptedServer { connection in
            connection.readRequest()
            connection.answer(200, goodBody)
        }
        let ran = try run(
            "workos-probe", ["attempt", server.baseURL, "5000"],
            environment: ["http_proxy": proxy.baseURL, "all_proxy": proxy.baseURL, "no_proxy": ""])
        #expect(ran.line("attempt")?[1] == "success", "\(ran.output)")
        #expect(proxy.finish().isEmpty)
    }

    /// Deep nesting on the probe's thread of 256 KiB stack.
    @Test func hostileBodiesOnASmallStack() throws {
        let server = try ScriptedServer { connection in
            connection.readRequest()
            let depth = connection.number == 1 ? 63 : 500
            let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            connection.answer(200, #"{"access_token":"at_1","x":\#(nested)}"#)
        }
        for outcome in ["success", "failure"] {
            let ran = try run("workos-probe", ["attempt", server.baseURL, "5000"])
            #expect(ran.line("attempt")?[1] == outcome, "\(ran.output)")
        }
    }
}
