import Foundation
import Glibc
import TableTestSupport
import Testing

@testable import refreshd

/// Where settings come from, and what is said of wrong ones.
@Suite(.timeLimit(.minutes(2))) struct SettingsTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        let path = directory.file(name)
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, mode)
        return path
    }

    @Test(arguments: [
        "tcp:0.0.0.0:80", "tcp:192.0.2.1:80", "tcp:localhost:80", "tcp:[::]:80", "tcp:127.0.0.1", "tcp:127.0.0.1:",
        "tcp:127.0.0.1:65536", "tcp:127.0.0.1:+1", "unix:relative", "unix:/", "127.0.0.1:80", "", "tcp::80",
        "unix:/" + String(repeating: "a", count: 107),
    ]) func addressesThatAreNotOfThisMachineAreRefused(text: String) {
        #expect(throws: ListenAddress.Invalid.self) { try ListenAddress(text) }
    }

    @Test(arguments: ["tcp:127.0.0.1:0", "tcp:127.9.9.9:80", "tcp:[::1]:80", "unix:/run/a"])
    func addressesReadAsTheyAreWritten(text: String) throws {
        #expect(try ListenAddress(text).description == text)
    }

    /// The command line before the environment, that before the file, and each shown with its place.
    @Test func everySettingSaysWhereItCameFrom() throws {
        let key = try write("key", "sk_secret\n")
        let file = try write(
            "config.json",
            #"{"listen": ["unix:/run/a", "tcp:127.0.0.1:0"], "client-id": "of-the-file", "upstream": "https://of.file", "#
                + #""sweep-interval": 7, "api-key-file": "\#(key)"}"#)
        let shown = try Program.run(
            "refreshd", ["--config", file, "--print-config", "--client-id", "of-the-line"],
            environment: ["REFRESHD_UPSTREAM": "https://of.env", "REFRESHD_LOG_LEVEL": ""])
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(
            shown.output.split(separator: "\n").map(String.init) == [
                "api-key-file = \(key)  (\(file): \"api-key-file\")",
                "client-id = of-the-line  (--client-id)",
                "listen = unix:/run/a tcp:127.0.0.1:0  (\(file): \"listen\")",
                "log-level = info  (default)",
                "socket-mode = 0660  (default)",
                "sweep-interval = 7.0  (\(file): \"sweep-interval\")",
                "upstream = https://of.env  (REFRESHD_UPSTREAM)",
            ])
        #expect(!(shown.output + shown.errors).contains("sk_secret"))
    }

    @Test(arguments: [
        (#"{"listen": "unix:/run/a"}"#, #""listen": must be a list of strings"#),
        (#"{"listen": ["tcp:0.0.0.0:80"]}"#, #""listen": "tcp:0.0.0.0:80" is no loopback address"#),
        (#"{"listn": []}"#, #""listn" is no setting"#),
        (#"{"sweep-interval": 0}"#, #""sweep-interval": must be from 0.05 to 3600.0"#),
        (#"{"sweep-interval": "often"}"#, #""sweep-interval": must be a number"#),
        (#"{"log-level": "loud"}"#, #""log-level": there is no log level "loud""#),
        (#"{"socket-mode": "0999"}"#, #""socket-mode": must be an octal mode"#),
        (#"{"socket-group": "no-such-group"}"#, #""socket-group": there is no group "no-such-group""#),
        (#"{"listen": ["tcp:127.0.0.1:0"]}"#, "client-id: missing, and needed to listen"),
        (#"{"listen": ["tcp:127.0.0.1:0"], "client-id": "c"}"#, "api-key-file: missing, and needed to listen unless"),
        (
            #"{"listen": ["tcp:127.0.0.1:0"], "client-id": "c", "public-client": true, "upstream": "http://elsewhere"}"#,
            #""upstream": The base URL would send refresh tokens unencrypted"#
        ),
        ("{\n\"listen\": [\n", "not one JSON object"), ("[]", "not one JSON object"),
    ]) func whatIsWrongIsSaidWithItsPlace(text: String, words: String) throws {
        let file = try write("config.json", text)
        let ending = try Program.run("refreshd", ["--config", file, "--check-config"])
        #expect(ending.status == 78)
        #expect(ending.errors.hasPrefix("refreshd: "))
        #expect(ending.errors.contains(words), "\(ending.errors)")
    }

    @Test func aKeyThatOthersCanReadIsRefused() throws {
        let key = try write("key", "sk_secret", mode: 0o640)
        let arguments = ["--listen", "tcp:127.0.0.1:0", "--client-id", "c", "--check-config"]
        let open = try Program.run("refreshd", arguments + ["--api-key-file", key])
        #expect(open.status == 78)
        #expect(open.errors.contains("--api-key-file: \(key) can be read by others: chmod 0600"), "\(open.errors)")
        chmod(key, 0o600)
        let right = try Program.run("refreshd", arguments + ["--api-key-file", key])
        #expect(right.status == 0)
        #expect(right.output == "the configuration is right\n")
        let empty = try write("empty", "\n")
        #expect(try Program.run("refreshd", arguments + ["--api-key-file", empty]).errors.contains("is empty"))
        let both = try Program.run("refreshd", arguments + ["--api-key-file", key, "--public-client"])
        #expect(both.errors.contains("--public-client: a public client has no API key"), "\(both.errors)")
    }

    /// What systemd hands over may be readable by a group: it sees to who is in there.
    @Test func theKeyComesAsACredential() throws {
        let path = try write("workos-api-key", "sk_secret", mode: 0o440)
        let ending = try Program.run(
            "refreshd", ["--listen", "tcp:127.0.0.1:0", "--client-id", "c", "--print-config"],
            environment: ["CREDENTIALS_DIRECTORY": directory.path])
        #expect(ending.status == 0, "\(ending.errors)")
        #expect(ending.output.contains("api-key-file = \(path)  (CREDENTIALS_DIRECTORY)"), "\(ending.output)")
    }

    @Test func aSocketThatIsInUseIsNotTaken() throws {
        let arguments = [
            "--listen", "unix:\(directory.file("socket"))", "--client-id", "c", "--public-client", "--directory",
            directory.file("table"),
        ]
        let first = try Program("refreshd", arguments)
        #expect(first.errorLine(containing: "listening") != nil)
        let second = try Program.run("refreshd", arguments)
        #expect(second.status == 71)
        #expect(second.errors.contains("socket"), "\(second.errors)")
        first.send(SIGKILL)
        _ = first.finish()
        // A socket file that nobody listens on is replaced, and removed at the end.
        let third = try Program("refreshd", arguments)
        #expect(third.errorLine(containing: "listening") != nil)
        third.send(SIGTERM)
        #expect(third.finish().status == 0)
        #expect(access(directory.file("socket"), F_OK) != 0)
    }

    /// Settings that serve nothing any more change nothing while it runs, and are not said to be in force.
    @Test func servingDoesNotEndWithAReload() throws {
        let serving =
            #"{"listen": ["unix:\#(directory.file("socket"))"], "client-id": "c", "public-client": true, "directory": "#
            + #""\#(directory.file("table"))"}"#
        let file = try write("config.json", serving)
        let daemon = try Program("refreshd", ["--config", file])
        #expect(daemon.errorLine(containing: "listening") != nil)
        _ = try write("config.json", "{}")
        daemon.send(SIGHUP)
        #expect(daemon.errorLine(containing: "serving begins and ends with a restart only") != nil)
        _ = try write("config.json", serving)
        daemon.send(SIGHUP)
        #expect(daemon.errorLine(containing: "configuration read again") != nil)
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
    }
}
