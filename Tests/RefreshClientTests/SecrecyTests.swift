import Foundation
import LeaseTable
import RefreshClient
import Testing

extension ClientTests {
    @Suite(.serialized) struct Secrecy {
        private let secrets = [
            "rt_OLD_4f9c1d7e8a2b", "rt_BAD_91be07aa52dc", "rt_HELD_77ab3410fe9d", "at_NEW_c3d2e1f0a9b8",
            "detail_3b1c5d9e7f60",
        ]

        // Eight bytes of a secret in a row count as a leak.
        private func leaks(_ data: Data) -> [String] {
            secrets.flatMap { secret -> [String] in
                let bytes = Array(secret.utf8)
                return (3...(bytes.count - 8)).compactMap { start in
                    let piece = Data(bytes[start..<(start + 8)])
                    return data.range(of: piece) == nil ? nil : String(decoding: piece, as: UTF8.self)
                }
            }
        }

        @Test func `no file, no name, no log line and no error shows a token or a piece of one`() throws {
            let setting = try Setting()
            let log = CapturedLog()
            let gate = Gate()
            let upstream = ScriptedUpstream { [secrets] _, request in
                if request.refreshToken == secrets[1] {
                    return .failure(
                        UpstreamFailure(
                            class: .terminal, reason: .invalidGrant, status: 400, body: Array(secrets[4].utf8),
                            detail: "refused"))
                }
                if request.refreshToken == secrets[2] { gate.wait() }
                return success(secrets[3])
            }
            let client = try setting.client(upstream) { $0.logger = log.logger }
            #expect(client.outcome(secrets[0]).body == bytes(secrets[3]))
            let error = try #require(client.outcome(secrets[1]).error)
            let held = try client.inBackground(secrets[2])
            #expect(upstream.awaitCalls(3))
            #expect(
                leaks(Data(secrets[0].utf8)).count == secrets[0].utf8.count - 10, "the search finds what is there")
            var files = 0
            for name in try FileManager.default.subpathsOfDirectory(atPath: setting.directory) {
                #expect(leaks(Data(name.utf8)).isEmpty)
                let path = setting.directory + "/" + name
                let type = try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
                guard type == .typeRegular else { continue }
                files += 1
                #expect(leaks(try Data(contentsOf: URL(fileURLWithPath: path))).isEmpty, "\(name)")
            }
            #expect(files >= 4)
            gate.open()
            _ = try held.get()
            #expect(log.lines.count >= 4)
            #expect(leaks(Data(log.lines.joined().utf8)).isEmpty)
            #expect(leaks(Data("\(error) \(error.localizedDescription)".utf8)).isEmpty)
        }
    }
}
