import Foundation
import ProcessSupport
import Testing

/// A worker process. Killed at the end, if it still is.
final class Worker: @unchecked Sendable {
    let pid: pid_t
    private let input: Int32
    private let lines = Watched<[String]>([])
    private let ended = Gate()

    init(_ setting: Setting? = nil, _ options: String = "") throws {
        var toChild: [Int32] = [0, 0]
        var fromChild: [Int32] = [0, 0]
        try #require(pipe(&toChild) == 0 && pipe(&fromChild) == 0)
        for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        let here = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: here).deletingLastPathComponent().path + "/refresh-client-worker"
        var started = pid_t()
        let argument = strdup(path)
        // A group of its own, so that its forked children end with it: they hold the test runner's standard error.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        // No signal blocked, whatever the thread that runs the test blocks: forked children end by SIGALRM.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        let code = posix_spawn(&started, path, &actions, &attributes, [argument, nil], environ)
        posix_spawnattr_destroy(&attributes)
        free(argument)
        posix_spawn_file_actions_destroy(&actions)
        close(toChild[0])
        close(fromChild[1])
        try #require(code == 0, "\(path)")
        pid = started
        input = toChild[1]
        let (output, lines, ended) = (fromChild[0], lines, ended)
        try LibraryThread.start {
            let stream = fdopen(output, "r")
            var line: UnsafeMutablePointer<CChar>?
            var capacity = 0
            while getline(&line, &capacity, stream) > 0, let line {
                let text = String(cString: line)
                lines.update { $0.append(String(text.dropLast())) }
            }
            ended.open()
        }
        if let setting {
            tell("client dir=\(setting.directory) map=16777216 \(options)")
            _ = try event("ready")
        }
    }

    deinit {
        close(input)
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    func tell(_ command: String) {
        let bytes = Array((command + "\n").utf8)
        _ = write(input, bytes, bytes.count)
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// The next event that begins so; those before it stay for others to await.
    func event(
        _ prefix: String, limit: Duration = .seconds(12), _ location: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        lines.wait(limit: limit) { $0.contains { $0.hasPrefix(prefix) } }
        let line = lines.update { list -> String? in
            list.firstIndex { $0.hasPrefix(prefix) }.map { list.remove(at: $0) }
        }
        let found = try #require(
            line, "no \(prefix), but \(lines.value)", sourceLocation: location)
        return found.split(separator: " ").map(String.init)
    }

    /// Events that begin so and were not awaited yet.
    func count(_ prefix: String) -> Int { lines.value.count { $0.hasPrefix(prefix) } }
}
