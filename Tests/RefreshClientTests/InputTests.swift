import Foundation
import LeaseTable
import RefreshClient
import Testing

extension ClientTests {
    /// What cannot be refreshed, and where no table can be.
    @Suite(.serialized) struct Input {
        @Test(
            arguments: [
                ("", nil, "refresh token"), (String(repeating: "t", count: 16 * 1024), nil, "refresh token"),
                ("rt", "org\u{0}", "organization"), ("rt", "", "organization"),
            ] as [(String, String?, String)])
        func `a request that cannot be made names the part, and leaves nothing on disk`(
            token: String, organization: String?, part: String
        ) async throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            let request = RefreshRequest(
                refreshToken: token, organizationID: organization, context: RefreshContext(userID: "u"))
            let error = try #require(client.outcome(request).error)
            #expect(error.code == .invalidRequest)
            #expect(!error.isRetryable)
            #expect(error.userID == "u")
            #expect(error.description.contains(part))
            #expect(token.isEmpty || part == "organization" || !error.description.contains(token.prefix(8)))
            await #expect(throws: TokenRefreshError.self) { try await client.refresh(request) }
            #expect(!FileManager.default.fileExists(atPath: setting.directory))
            #expect(upstream.count == 0)
        }

        @Test func `the longest token is one byte shorter`() throws {
            let setting = try Setting()
            let client = try setting.client(ScriptedUpstream { _, _ in success("at") })
            #expect(client.outcome(String(repeating: "t", count: 16 * 1024 - 1)).body == bytes("at"))
        }

        @Test(arguments: ["parent", "writable", "link", "file", "version"])
        func `a directory that cannot be used: an error that names the fix, nothing made half-way`(
            problem: String
        ) throws {
            let setting = try Setting()
            let files = FileManager.default
            var directory = setting.directory
            let fix: String
            switch problem {
            case "parent":
                directory = setting.parent + "/missing/table"
                fix = "create that first"
            case "writable":
                try files.createDirectory(atPath: directory, withIntermediateDirectories: false)
                #expect(chmod(directory, 0o777) == 0)
                fix = "chmod 0700"
            case "link":
                try files.createSymbolicLink(atPath: directory, withDestinationPath: "/dev/shm")
                fix = "name a real directory"
            case "file":
                #expect(files.createFile(atPath: directory, contents: nil))
                fix = "name a real directory"
            default:
                _ = try setting.table()
                let guardFile = try #require(FileHandle(forUpdatingAtPath: directory + "/guard"))
                try guardFile.seek(toOffset: 8)
                try guardFile.write(contentsOf: Data([9, 0, 0, 0]))
                try guardFile.close()
                fix = "other version"
            }
            let before = try contents(setting.parent)
            let upstream = ScriptedUpstream { _, _ in success("at") }
            if problem == "version" {
                // Another process: this one has the table open.
                let worker = try Worker(setting)
                worker.tell("refresh 1 rt")
                #expect(try worker.event("done")[2] == "directoryUnusable")
            } else {
                let client = try setting.client(upstream) { $0.directory = directory }
                let error = try #require(client.outcome("rt").error)
                #expect(error.code == .directoryUnusable)
                #expect(error.description.contains(fix), "\(error)")
                #expect(error.description.contains(directory))
            }
            #expect(try contents(setting.parent) == before)
            #expect(upstream.count == 0)
        }

        private func contents(_ path: String) throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
        }
    }
}
