import Foundation
import LeaseTable
import ProcessSupport
import RefreshClient
import Testing

extension ClientTests {
    /// Space and descriptors.
    @Suite(.serialized) struct Bounds {
        private func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        }

        private func pipes(_ setting: Setting) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: setting.directory + "/pipes")
        }

        @Test func `20,000 keys kept briefly: the file stops growing, expired records leave by ordinary writes`()
            throws
        {
            let setting = try Setting()
            let body = String(repeating: "x", count: 3000)
            let upstream = ScriptedUpstream { _, _ in success(body) }
            func brief(_ configuration: inout RefreshConfiguration) {
                configuration.resultRetention = .milliseconds(100)
                configuration.mapSize = 256 << 20
            }
            let table = try setting.table(brief)
            var sizes: [Int] = []
            for index in 0..<20_000 {
                let key = try setting.key("rt_\(index)", upstream)
                let tenure = try #require(try table.take(key))
                _ = try table.publish(tenure, result: payload(body), deadline: soon())
                if index % 2000 == 1999 {
                    let path = setting.directory + "/data.mdb"
                    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
                    sizes.append(try #require(size))
                }
            }
            let (first, last) = (try #require(sizes.first), try #require(sizes.last))
            #expect(last <= first * 2, "\(sizes)")
            #expect(last < 20_000 * 3000 / 2, "\(sizes)")
            #expect(try pipes(setting).isEmpty)
            pause(for: .milliseconds(150))
            // A write removes more than it adds.
            let before = try table.leases(deadline: soon()).count
            for index in 0..<10 {
                let tenure = try #require(try table.take(setting.key("rt_late_\(index)", upstream)))
                _ = try table.publish(tenure, result: payload(body), deadline: soon())
            }
            #expect(try table.leases(deadline: soon()).count <= max(10, before - 20))
        }

        @Test func `1,000 refreshes, a third of them failing: no descriptor and no pipe is left`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { number, _ in number % 3 == 0 ? serverError : success("at") }
            let client = try setting.client(upstream)
            for index in 0..<50 { _ = client.outcome("rt_warm_\(index)") }
            #expect(try eventually { try pipes(setting).isEmpty })
            let before = try descriptors()
            for index in 0..<1000 { _ = client.outcome("rt_\(index)") }
            #expect(try eventually { try pipes(setting).isEmpty })
            // Other suites of the same process may open some meanwhile.
            #expect(try descriptors() <= before + 20)
        }

        @Test func `the pipe of a dead holder goes with the takeover`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let client = try setting.client(upstream)
            var tenure = try setting.table().take(setting.key("rt", upstream))
            withExtendedLifetime(tenure) {}
            tenure = nil
            #expect(try pipes(setting).count == 1)
            #expect(client.outcome("rt").body == bytes("at"))
            #expect(try eventually { try pipes(setting).isEmpty })
        }

        @Test func `and with the record, where nobody takes over`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let table = try setting.table {
                $0.requestTimeout = .milliseconds(10)
                $0.lease = .milliseconds(20)
            }
            var tenure = try table.take(setting.key("rt", upstream))
            withExtendedLifetime(tenure) {}
            tenure = nil
            #expect(try pipes(setting).count == 1)
            #expect(try eventually { try table.sweep(atMost: 8, deadline: soon()) == 1 })
            #expect(try pipes(setting).isEmpty)
        }

        @Test func `old pipes without a writer are swept; living ones, young ones and other files stay`() throws {
            let setting = try Setting()
            let upstream = ScriptedUpstream { _, _ in success("at") }
            let table = try setting.table()
            let tenure = try #require(try table.take(setting.key("rt", upstream)))
            let held = try #require(try pipes(setting).first)
            let old = "1.2.00000000000000aa"
            let young = "1.2.00000000000000bb"
            for name in [old, young, "notes"] { #expect(mkfifo("\(setting.directory)/pipes/\(name)", 0o600) == 0) }
            for name in [held, old, "notes"] {
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSinceNow: -3600)],
                    ofItemAtPath: "\(setting.directory)/pipes/\(name)")
            }
            #expect(table.sweepPipes() == 1)
            #expect(try Set(pipes(setting)) == [held, young, "notes"])
            withExtendedLifetime(tenure) {}
        }
    }
}
