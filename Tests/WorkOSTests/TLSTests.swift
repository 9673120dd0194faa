import Foundation
import RefreshClient
import SanitizerSupport
import TableTestSupport
import Testing

@testable import WorkOS

@Suite struct TLSTests {
    /// A certificate that is its own authority, for the given name, and a server that shows it.
    private final class Server {
        let directory: TemporaryDirectory
        let running: Program
        let port: Int
        var certificate: String { directory.file("cert.pem") }

        init(name: String, options: [String] = []) throws {
            directory = try TemporaryDirectory()
            let made = try run(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2",
                    "-subj", "/CN=test", "-addext", "subjectAltName=\(name)", "-keyout",
                    directory.file("key.pem"),
                    "-out", directory.file("cert.pem"), "-batch",
                ])
            try #require(made.status == 0)
            running = try Program(
                "/usr/bin/env",
                ["python3", fixture("tls_server.py"), directory.file("cert.pem"), directory.file("key.pem")]
                    + options)
            port = try #require(running.outputLine().flatMap { Int($0) })
        }

        deinit {
            _ = running.finish()
        }
    }

    @Test func anUnknownAuthorityIsRefused() throws {
        let server = try Server(name: "IP:127.0.0.1")
        let failure = try #require(try attempt("https://127.0.0.1:\(server.port)").failure)
        #expect(failure.class == .transient)
        #expect(failure.reason == .networkError)
        #expect(!failure.mayHaveRotated)
        #expect(failure.detail.contains("certificate"))
    }

    @Test func aTrustedBundleIsAccepted() throws {
        let server = try Server(name: "IP:127.0.0.1")
        let answer = try attempt("https://127.0.0.1:\(server.port)", caFile: server.certificate)
        #expect(answer.success != nil, "\(answer)")
    }

    @Test func anotherHostsCertificateIsRefused() throws {
        let server = try Server(name: "DNS:elsewhere.example")
        let failure = try #require(
            try attempt("https://127.0.0.1:\(server.port)", caFile: server.certificate).failure)
        #expect(failure.reason == .networkError)
        #expect(!failure.mayHaveRotated)
    }

    @Test func aBundleThatIsNoneIsRefused() throws {
        let server = try Server(name: "IP:127.0.0.1")
        let failure = try #require(
            try attempt("https://127.0.0.1:\(server.port)", caFile: server.directory.file("key.pem")).failure)
        #expect(!failure.mayHaveRotated)
    }

    @Test func aForkAfterTLSWasUsed() throws {
        let server = try Server(name: "IP:127.0.0.1")
        let ran = try run(
            "workos-probe", ["fork", "https://127.0.0.1:\(server.port)", server.certificate])
        #expect(ran.status == 0, "\(ran.output)")
        #expect(["parent", "child", "again"].allSatisfy { ran.line($0)?[1] == "success" }, "\(ran.output)")
    }

    @Test(.disabled(if: Sanitizer.running != nil, "the sanitizer's own memory is in the figures"))
    func memory() throws {
        let server = try Server(name: "IP:127.0.0.1")
        let ran = try run("workos-probe", ["memory", "https://127.0.0.1:\(server.port)", server.certificate])
        let lines = ran.output.split(separator: "\n").filter { $0.hasPrefix("memory ") }
        let kilobytes = lines.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        try #require(kilobytes.count == 2, "\(ran.output)")
        #expect(kilobytes.allSatisfy { $0 > 0 && $0 < 8_000 }, "\(lines)")
    }

    @Test func aServerThatBreaksOffRaisesNoSignal() throws {
        let server = try Server(name: "IP:127.0.0.1", options: ["close-early"])
        let ran = try run(
            "workos-probe", ["attempt", "https://127.0.0.1:\(server.port)", "5000", server.certificate])
        #expect(ran.status == 0)
        #expect(ran.line("attempt")?.dropFirst().first == "failure", "\(ran.output)")
    }
}
