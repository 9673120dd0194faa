import AuthKitTestSupport
import Foundation
import ProcessSupport
import TableTestSupport
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
            "workos-emulator", ["--user-limit", "off", "--environment-limit", "off"],
            environment: ["WORKOS_CLIENT_ID": "", "WORKOS_API_KEY": ""], inheritsEnvironment: true,
            endedWithInput: true)
        var lines = try emulator.outputLines().makeAsyncIterator()
        let words = try #require(await lines.next()).split(separator: " ")
        let url = String(try #require(words.last))
        baseURL = url
        atexit(removeDirectories)
        (alone, together) = (try Self.start(1, url), try Self.start(4, url))
        for form in Form.allCases { try await warmUp(workers(form)) }
    }

    private static func start(_ count: Int, _ url: String, directory name: String = "") throws -> [Worker] {
        let directory = "\(directories)\(name.isEmpty ? "\(count)" : name)"
        return try (0..<count).map { _ in try Worker(directory: directory, baseURL: url) }
    }

    /// Loads and opens everything once, so that the tests' callers come close together.
    private func warmUp(_ workers: [Worker]) async throws {
        for worker in workers {
            let id = try await worker.begin(WorkerCall(refreshToken: try await signIn()))
            _ = try await worker.reply(to: id)
        }
    }

    /// Four processes of a directory that no other test has, to be killed.
    func ownWorkers(_ name: String) async throws -> [Worker] {
        let workers = try Self.start(4, baseURL, directory: name)
        try await warmUp(workers)
        return workers
    }

    func workers(_ form: Form) -> [Worker] { form == .oneProcess ? alone : together }

    /// Begins every call, each in the next process, and returns when all are over.
    func run(_ calls: [WorkerCall], _ form: Form) async throws -> [WorkerReply] {
        let workers = workers(form)
        var begun: [(Worker, Int)] = []
        for (index, call) in calls.enumerated() {
            let worker = workers[index % workers.count]
            begun.append((worker, try await worker.begin(call)))
        }
        var replies: [WorkerReply] = []
        for (worker, id) in begun { replies.append(try await worker.reply(to: id)) }
        return replies
    }

    /// As ``run(_:_:)``, each in the process after.
    func runLater(_ calls: [WorkerCall], _ form: Form) async throws -> [WorkerReply] {
        let workers = workers(form)
        var replies: [WorkerReply] = []
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

    /// Waits until as many calls with this token have arrived, twenty seconds at the most.
    func awaitArrivals(_ count: Int, of token: String) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try await arrivals(of: token).count < count {
            try #require(ContinuousClock.now < deadline, "no call arrived")
            try await Task.sleep(for: .milliseconds(10))
        }
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

private let directories = "/dev/shm/authkit-fleet-\(getpid())-"

private func removeDirectories() {
    for name in ["1", "4", "crash"] { try? FileManager.default.removeItem(atPath: directories + name) }
}
