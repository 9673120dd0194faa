import Foundation
import UnixSignals

/// Starts the processes that serve, and stops with them.
struct Master {
    let port: Int
    let processes: Int

    func run() async throws {
        let (endings, ended) = AsyncStream.makeStream(of: Void.self)
        var workers: [Process] = []
        defer { for worker in workers where worker.isRunning { worker.terminate() } }
        for _ in 0..<processes {
            let worker = Process()
            worker.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            worker.arguments = ["--worker", "--port", "\(port)"]
            let output = Pipe()
            worker.standardOutput = output
            worker.terminationHandler = { _ in ended.yield() }
            try worker.run()
            workers.append(worker)
            // The first bytes say that it serves; their end, that it never will.
            guard !output.fileHandleForReading.availableData.isEmpty else { throw Failed() }
        }
        Self.say("hummingbird-authkit listening on http://127.0.0.1:\(port) with \(processes) processes")
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in signals { return true }
                return true
            }
            group.addTask {
                for await _ in endings { return false }
                return true
            }
            let wasAsked = try await group.next() ?? true
            group.cancelAll()
            if !wasAsked { throw Failed() }
        }
    }

    /// A worker ended that should serve.
    struct Failed: Error, CustomStringConvertible {
        let description = "a worker process has ended"
    }

    /// One line, at once: whoever started this may wait for it.
    static func say(_ line: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}
