import Foundation
import ProcessSupport
import Testing

/// How many processes the callers of a test are spread over.
enum Form: String, CaseIterable, CustomTestStringConvertible {
    case oneProcess = "in one process"
    case fourProcesses = "across four processes"

    var testDescription: String { rawValue }
}

/// The emulator, and workers of both forms. One for all tests: each uses a token of its own.
final class Fleet: Sendable {
    static let shared = Task { try await Fleet() }

    private let emulator: Program
    private let baseURL: String
    private let alone: [Worker]
    private let together: [Worker]

    private init() async throws {
        emulator = try Program(
            "workos-emulator", ["--user-limit", "off", "--environment-limit", "off"], readsInput: false,
            environment: ["WORKOS_CLIENT_ID": "", "WORKOS_API_KEY": ""])
        var lines = emulator.lines.makeAsyncIterator()
        let words = try #require(await lines.next()).split(separator: " ")
        let url = String(try #require(words.last))
        baseURL = url
        func workers(_ count: Int) throws -> [Worker] {
            let directory = "/dev/shm/authkit-fleet-\(getpid())-\(count)"
            atexit(removeDirectories)
            return try (0..<count).map { _ in try Worker(directory: directory, baseURL: url) }
        }
        (alone, together) = (try workers(1), try workers(4))
        // Everything is loaded and opened once, so that the tests' callers come close together.
        for form in Form.allCases {
            for worker in self.workers(form) {
                let id = try await worker.begin(Call(refreshToken: try await signIn()))
                _ = try await worker.reply(to: id)
            }
        }
    }

    func workers(_ form: Form) -> [Worker] { form == .oneProcess ? alone : together }

    /// Begins every call, each in the next process, and returns when all are over.
    func run(_ calls: [Call], _ form: Form) async throws -> [Reply] {
        let workers = workers(form)
        var begun: [(Worker, Int)] = []
        for (index, call) in calls.enumerated() {
            let worker = workers[index % workers.count]
            begun.append((worker, try await worker.begin(call)))
        }
        var replies: [Reply] = []
        for (worker, id) in begun { replies.append(try await worker.reply(to: id)) }
        return replies
    }

    /// As ``run(_:_:)``, each in the process after.
    func runLater(_ calls: [Call], _ form: Form) async throws -> [Reply] {
        let workers = workers(form)
        var replies: [Reply] = []
        for (index, call) in calls.enumerated() {
            let worker = workers[(index + 1) % workers.count]
            replies.append(try await worker.reply(to: try await worker.begin(call)))
        }
        return replies
    }

    // MARK: The emulator

    private func request(_ method: String, _ path: String, _ body: String? = nil) async throws -> Data {
        let url = baseURL + path
        return try await withCheckedThrowingContinuation { continuation in
            do {
                try LibraryThread.start {
                    continuation.resume(with: Result { try curl(method, url, body) })
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// A refresh token of a session of its own.
    func signIn() async throws -> String { try await session().refreshToken }

    /// The tokens of a session of its own.
    func session(_ body: String = "{}") async throws -> (accessToken: String, refreshToken: String) {
        let answer = try await request("POST", "/_emulator/sessions", body)
        let object = try #require(try JSONSerialization.jsonObject(with: answer) as? [String: Any])
        return (try #require(object["access_token"] as? String), try #require(object["refresh_token"] as? String))
    }

    /// What the next call with this token meets, as the emulator's faults say it.
    func fault(_ token: String, _ fields: String) async throws {
        _ = try await request("POST", "/_emulator/faults", #"[{"refresh_token":"\#(token)",\#(fields)}]"#)
    }

    /// When calls with this token arrived, in seconds, with the organization each asked for.
    func arrivals(of token: String) async throws -> [(at: Double, organization: String?)] {
        let hash = sha256(token)
        let text = String(
            decoding: try await request("GET", "/_emulator/events?since=0&follow=false"), as: UTF8.self)
        return try text.split(separator: "\n").compactMap { line in
            let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard event?["event"] as? String == "request_arrived", event?["token_hash"] as? String == hash,
                let time = event?["time_ns"] as? Int
            else { return nil }
            return (Double(time) / 1e9, event?["organization_id"] as? String)
        }
    }
}

private func removeDirectories() {
    for count in [1, 4] { try? FileManager.default.removeItem(atPath: "/dev/shm/authkit-fleet-\(getpid())-\(count)") }
}
