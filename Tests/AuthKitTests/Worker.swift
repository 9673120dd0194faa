import Foundation
import ProcessSupport
import Synchronization
import Testing

/// What became of a call, as a worker tells it.
struct Reply: Decodable, Sendable {
    var id: Int
    var accessToken: String?
    var refreshToken: String?
    var userID: String?
    var sessionID: String?
    var refreshed: Bool?
    var verified: Bool?
    var error: String?
    var reason: String?
    var retryable: Bool?
    var attempts: [String]?
    var description: String?
}

/// A call for a worker.
struct Call: Encodable, Sendable {
    var call = "validate"
    var accessToken = "expired"
    var refreshToken: String
    var userID: String?
    var organizationID: String?
    var force: Bool?
    fileprivate(set) var id = 0
}

/// A program of this package, as a process that ends with this value.
final class Program: Sendable {
    private let process: Mutex<Process>
    private let input: FileHandle
    let lines: AsyncStream<String>

    init(
        _ name: String, _ arguments: [String] = [], readsInput: Bool = true, environment: [String: String] = [:]
    ) throws {
        let here = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let started = Process()
        let program = URL(fileURLWithPath: here).deletingLastPathComponent().appendingPathComponent(name).path
        // It ends with its input, and that closes when this process ends, however it does.
        started.executableURL = URL(fileURLWithPath: "/bin/sh")
        let script = readsInput ? #"exec "$0" "$@""# : #""$0" "$@" </dev/null & read -r line; kill $!"#
        started.arguments = ["-c", script, program] + arguments
        started.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (toChild, fromChild) = (Pipe(), Pipe())
        started.standardInput = toChild
        started.standardOutput = fromChild
        try started.run()
        process = Mutex(started)
        input = toChild.fileHandleForWriting
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        let output = fromChild.fileHandleForReading
        try LibraryThread.start {
            var rest = Data()
            while case let more = output.availableData, !more.isEmpty {
                rest += more
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
                    rest = Data(rest[(end + 1)...])
                }
            }
            continuation.finish()
        }
    }

    deinit {
        _ = process.withLock { kill($0.processIdentifier, SIGKILL) }
    }

    func tell(_ line: String) throws { try input.write(contentsOf: Data((line + "\n").utf8)) }
}

/// A worker process and the calls it was given.
actor Worker {
    private let program: Program
    private var number = 0
    private var replies: [Int: Reply] = [:]
    private var begun: Set<Int> = []
    private var isReady = false
    private var hasEnded = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(directory: String, baseURL: String) throws {
        program = try Program(
            "authkit-worker", environment: ["REFRESHD_DIRECTORY": directory, "WORKOS_BASE_URL": baseURL])
        let lines = program.lines
        Task { [weak self] in
            for await line in lines { await self?.take(line) }
            await self?.end()
        }
    }

    /// Begins a call; its number.
    func begin(_ call: Call) async throws -> Int {
        number += 1
        var call = call
        call.id = number
        try program.tell(String(decoding: try JSONEncoder().encode(call), as: UTF8.self))
        let id = number
        while !begun.contains(id) {
            try #require(!hasEnded, "the worker has ended")
            await withCheckedContinuation { waiters.append($0) }
        }
        return id
    }

    func reply(to id: Int) async throws -> Reply {
        while true {
            if let reply = replies[id] { return reply }
            try #require(!hasEnded, "the worker has ended")
            await withCheckedContinuation { waiters.append($0) }
        }
    }

    private func take(_ line: String) {
        if line == "ready" {
            isReady = true
        } else if line.hasPrefix("began "), let id = Int(line.dropFirst(6)) {
            begun.insert(id)
        } else if let reply = try? JSONDecoder().decode(Reply.self, from: Data(line.utf8)) {
            replies[reply.id] = reply
        }
        wake()
    }

    private func end() {
        hasEnded = true
        wake()
    }

    private func wake() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}
