import CLinux
import Glibc
import Testing

/// A process of `lmdb-test-worker`: it is told what to do a line at a time, and answers with a line.
final class Worker {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// The process that was started; the worker itself unless it is below another program.
    private let started: pid_t
    private let input: Int32
    private let output: Int32
    private var isReaped = false

    /// Starts one, below `launcher` (a program and its arguments) if given.
    init(launcher: [String] = []) throws {
        var toChild: [Int32] = [0, 0]
        var fromChild: [Int32] = [0, 0]
        guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { throw Failure(description: "pipe") }
        for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        var arguments = (launcher + [Self.program]).map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, launcher.first ?? Self.program, &actions, nil, &arguments, environ)
        close(toChild[0])
        close(fromChild[1])
        guard code == 0 else { throw Failure(description: "posix_spawn: \(code)") }
        started = pid
        input = toChild[1]
        output = fromChild[0]
    }

    deinit {
        close(input)
        close(output)
        if !isReaped { end() }
    }

    private static let program: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        let path = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/lmdb-test-worker"
    }()

    func send(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(input, bytes, bytes.count)
    }

    /// The next answer without its `ok`; an answer that is an error is thrown.
    @discardableResult
    func receive(within seconds: Int64 = 30) throws -> String {
        let line = try receiveLine(within: seconds)
        guard line.hasPrefix("ok") else { throw Failure(description: line) }
        return String(line.dropFirst(3))
    }

    private func receiveLine(within seconds: Int64) throws -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            guard clinux_poll_readable(output, seconds * 1_000_000_000) > 0 else {
                throw Failure(description: "no answer within \(seconds) s")
            }
            guard read(output, &byte, 1) == 1 else { throw Failure(description: "the worker has ended") }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }

    /// Sends a command and awaits its answer.
    @discardableResult
    func ask(_ line: String, within seconds: Int64 = 30) throws -> String {
        send(line)
        return try receive(within: seconds)
    }

    /// Sends a command that is to fail: the error's name.
    func failure(of line: String) throws -> String {
        send(line)
        let answer = try receiveLine(within: 30)
        let words = answer.split(separator: " ")
        guard words.count > 1, words[0] == "error" else { return "no error: \(answer)" }
        return String(words[1])
    }

    /// The worker's own process id, in its namespace.
    func pid() throws -> pid_t {
        pid_t(try ask("pid")) ?? -1
    }

    /// Kills the worker and waits until it is gone.
    func end() {
        kill(started, SIGKILL)
        reap()
    }

    /// Waits until it has ended.
    func reap() {
        var status: Int32 = 0
        while waitpid(started, &status, 0) < 0 && errno == EINTR {}
        isReaped = true
    }

    /// Stops the worker, and returns once it is stopped.
    func stop() {
        kill(started, SIGSTOP)
        var status: Int32 = 0
        while waitpid(started, &status, WUNTRACED) < 0 && errno == EINTR {}
    }

    func resume() {
        kill(started, SIGCONT)
    }
}
