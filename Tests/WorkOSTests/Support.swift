import Foundation
import Glibc
import RefreshClient
import TableTestSupport
import Testing

@testable import WorkOS

let goodBody =
    #"{"access_token":"at_1","refresh_token":"rt_2","user":{"id":"user_1","later":[1,{"x":null}]},"new":1.5}"#

/// One attempt with the token `rt_1`.
func attempt(
    _ baseURL: String, token: String = "rt_1", apiKey: String? = nil, timeout: Duration = .seconds(10),
    connectTimeout: Duration = .seconds(3), caFile: String? = nil, organizationID: String? = nil,
    endUser: EndUser = EndUser()
) throws -> UpstreamAnswer {
    let upstream = try WorkOSUpstream(
        WorkOSConfiguration(
            clientID: "client_1", apiKey: apiKey, baseURL: baseURL, connectTimeout: connectTimeout,
            caBundlePath: caFile))
    return upstream.attempt(
        UpstreamRequest(
            refreshToken: token, organizationID: organizationID, idempotencyKey: "key-1", endUser: endUser),
        timeout: timeout)
}

extension UpstreamAnswer {
    var success: UpstreamSuccess? { if case .success(let success) = self { success } else { nil } }
    var failure: UpstreamFailure? { if case .failure(let failure) = self { failure } else { nil } }
}

/// A directory that goes with the value, where libraries may be loaded from.
final class LibraryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("workos-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
}

func fixture(_ name: String, file: String = #filePath) -> String {
    URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)").path
}

extension Program.Ending {
    /// The words of the output's line that begins with `word`.
    func line(_ word: String) -> [String]? {
        output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }.first {
            $0.first == word
        }
    }
}

/// Runs a program to its end.
func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Program.Ending {
    try Program.run(program, arguments, environment: environment, inheritsEnvironment: true)
}

/// Compiles what stands in for libc functions in a probe.
func preloadLibrary(in directory: LibraryDirectory) throws -> String {
    let library = directory.file("preload.so")
    let compiled = try run("/usr/bin/cc", ["-shared", "-fPIC", "-o", library, fixture("preload.c"), "-ldl"])
    try #require(compiled.status == 0, "\(compiled.errors)")
    return library
}
