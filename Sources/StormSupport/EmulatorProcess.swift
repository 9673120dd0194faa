package import Glibc
import ProcessSupport

/// An emulator of the storm's own, started beside it and stopped with it.
package final class EmulatorProcess {
    /// Where it listens.
    package let baseURL: String
    /// Its process.
    package let pid: pid_t

    /// Starts the `workos-emulator` that lies beside this program, on a free port, and waits until it listens.
    package init() throws {
        let path = try Self.path()
        let output = try Pipes.make()
        defer { close(output.reading) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
        let arguments = [path, "--port", "0", "--user-limit", "off", "--environment-limit", "off"]
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        // Credentials that the emulator would take from the environment are not the storm's.
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { for pointer in environment { free(pointer) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, path, &actions, nil, &pointers, &environment)
        close(output.writing)
        guard code == 0 else { throw SystemCallError("posix_spawn", path: path, code: code) }
        pid = started
        var reader = LineReader(descriptor: output.reading)
        guard let line = reader.next(),
            let url = String(decoding: line, as: UTF8.self).split(separator: " ").last, url.hasPrefix("http://")
        else { throw StormError("\(path) did not start") }
        baseURL = String(url)
    }

    /// Stops it and waits until it has stopped.
    package func stop() {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    private static func path() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        guard length > 0 else { throw SystemCallError("readlink", path: "/proc/self/exe") }
        let own = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let slash = own.lastIndex(of: "/") else { throw StormError("no directory in \(own)") }
        let path = own[..<slash] + "/workos-emulator"
        guard access(String(path), X_OK) == 0 else {
            throw StormError("\(path) is missing: build it, or name an emulator with --base-url")
        }
        return String(path)
    }
}
