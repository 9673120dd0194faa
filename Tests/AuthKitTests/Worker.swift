import AuthKitTestSupport
import Foundation
import TableTestSupport
import Testing

/// A worker process and the calls it was given.
actor Worker {
    private let program: Program
    private var number = 0
    private var replies: [Int: WorkerReply] = [:]
    private var begun: Set<Int> = []
    private var hasEnded = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(directory: String, baseURL: String) throws {
        program = try Program(
            "authkit-worker", environment: ["REFRESHD_DIRECTORY": directory, "WORKOS_BASE_URL": baseURL],
            inheritsEnvironment: true)
        let lines = try program.outputLines()
        Task { [weak self] in
            for await line in lines { await self?.take(line) }
            await self?.end()
        }
    }

    /// Begins a call; its number.
    func begin(_ call: WorkerCall) async throws -> Int {
        number += 1
        var call = call
        call.id = number
        program.send(line: String(decoding: try JSONEncoder().encode(call), as: UTF8.self))
        let id = number
        while !begun.contains(id) {
            try #require(!hasEnded, "the worker has ended")
            await withCheckedContinuation { waiters.append($0) }
        }
        return id
    }

    /// Ends the process as a crash would.
    func crash() { program.send(SIGKILL) }

    func reply(to id: Int) async throws -> WorkerReply {
        try #require(await outcome(of: id), "the worker has ended")
    }

    /// What became of a call; `nil` where the worker ended before.
    func outcome(of id: Int) async -> WorkerReply? {
        while replies[id] == nil, !hasEnded {
            await withCheckedContinuation { waiters.append($0) }
        }
        return replies[id]
    }

    private func take(_ line: String) {
        if line.hasPrefix("began "), let id = Int(line.dropFirst(6)) {
            begun.insert(id)
        } else if let reply = try? JSONDecoder().decode(WorkerReply.self, from: Data(line.utf8)) {
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
