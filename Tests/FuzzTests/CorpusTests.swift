import Foundation
import FuzzTargets
import Testing

/// What libFuzzer runs for hours is run here once: on every file of the corpus, and on real input made just now.
@Suite struct CorpusTests {
    /// `fuzz/corpus`, beside the tests in the source tree.
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fuzz/corpus")

    @Test(arguments: FuzzTarget.allCases) func everyFileHolds(_ target: FuzzTarget) throws {
        let directory = Self.corpus.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        #expect(files.count >= 3, "the corpus of \(target.rawValue) is missing")
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.run(bytes) }
        }
    }

    /// Every real input is one that the parser takes, so that what is checked of accepted input is checked; and cut short
    /// or with any one bit turned it breaks nothing either. With `REFRESHD_WRITE_SEEDS=1` the real inputs become the
    /// corpus's.
    @Test(arguments: FuzzTarget.allCases) func realInputHolds(_ target: FuzzTarget) throws {
        let seeds = try Seeds.of(target)
        #expect(!seeds.isEmpty)
        for (name, bytes) in seeds {
            #expect(Seeds.isAccepted(bytes, by: target), "\(name)")
            try target.run(bytes)
            for length in 0..<min(bytes.count, 200) { try target.run(Array(bytes.prefix(length))) }
            for bit in 0..<(min(bytes.count, 200) * 8) {
                var turned = bytes
                turned[bit / 8] ^= 1 << (bit % 8)
                try target.run(turned)
            }
            if ProcessInfo.processInfo.environment["REFRESHD_WRITE_SEEDS"] == "1" {
                let directory = Self.corpus.appending(path: target.rawValue)
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                try Data(bytes).write(to: directory.appending(path: name))
            }
        }
    }
}
