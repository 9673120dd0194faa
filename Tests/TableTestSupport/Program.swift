public import Foundation
import Glibc
import ProcessSupport

/// A program of this package while it runs, with everything it prints.
public final class Program: Sendable {
    /// How it ended.
    public struct Ending: Sendable {
        /// The exit code; negative for the signal that ended it.
        public let status: Int32
        /// What was not read before.
        public let output: String
        /// What was not read before.
        public let errors: String
    }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let errors = Pipe()

    /// Starts the program `name`, which is built beside the tests, or that of an absolute path.
    ///
    /// The environment is `environment` alone, so that nothing of the machine's decides about directories and colours,
    /// or lies over the tests' own where `inheritsEnvironment`. Standard output goes to `destination` where there is one.
    /// Where the program is `endedWithInput`, a shell, whose the process id is then, ends it when its input does: so it
    /// does not outlive the tests, however they end.
    public init(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:],
        inheritsEnvironment: Bool = false, endedWithInput: Bool = false, output destination: FileHandle? = nil
    ) throws {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program =
            name.hasPrefix("/")
            ? URL(fileURLWithPath: name)
            : URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent(name)
        process.executableURL = endedWithInput ? URL(fileURLWithPath: "/bin/sh") : program
        let ending = #""$0" "$@" </dev/null & read -r line; kill $!"#
        process.arguments = (endedWithInput ? ["-c", ending, program.path] : []) + arguments
        let inherited = inheritsEnvironment ? ProcessInfo.processInfo.environment : [:]
        process.environment = inherited.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = destination ?? output
        process.standardError = errors
        try process.run()
        // The readers see the end of what the program writes, not of what we could.
        if destination != nil { try? output.fileHandleForWriting.close() }
    }

    deinit {
        if process.isRunning { send(SIGKILL) }
    }

    /// Its process id.
    public var pid: Int32 { process.processIdentifier }

    /// Whether it has ended.
    public var hasEnded: Bool { !process.isRunning }

    /// Sends a signal.
    public func send(_ signal: Int32) { kill(pid, signal) }

    /// Writes a line to its standard input.
    public func send(line: String) {
        try? input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    /// Closes its standard input.
    public func endInput() { try? input.fileHandleForWriting.close() }

    /// The lines of standard output to its end, without a limit of time: for one reader, and instead of the other ways.
    public func outputLines() throws -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        let output = output.fileHandleForReading
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
        return lines
    }

    /// The next line of standard output; `nil` at its end and after ten seconds.
    public func outputLine() -> String? { Self.line(output) }

    /// The next line of standard error; `nil` at its end and after ten seconds.
    public func errorLine() -> String? { Self.line(errors) }

    /// The next line of standard error that contains `text`; `nil` where none comes.
    public func errorLine(containing text: String) -> String? {
        while let line = errorLine() {
            if line.contains(text) { return line }
        }
        return nil
    }

    /// Ends its standard input and waits for its end; kills it where that does not come within ten seconds.
    public func finish() -> Ending {
        endInput()
        // What goes to standard error is small enough for a pipe: the order does not matter.
        let output = rest(output)
        let errors = rest(errors)
        process.waitUntilExit()
        let status = process.terminationStatus
        return Ending(
            status: process.terminationReason == .exit ? status : -status, output: output, errors: errors)
    }

    /// Starts a program and waits for its end.
    public static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], inheritsEnvironment: Bool = false
    ) throws -> Ending {
        try Program(name, arguments, environment: environment, inheritsEnvironment: inheritsEnvironment).finish()
    }

    private static func line(_ pipe: Pipe) -> String? {
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
        var bytes: [UInt8] = []
        while true {
            let left = MonotonicInstant.now().duration(to: deadline).wholeMilliseconds
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            var byte: UInt8 = 0
            guard left > 0, Glibc.poll(&poll, 1, Int32(left)) == 1, read(descriptor, &byte, 1) == 1 else {
                return nil
            }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }

    private func rest(_ pipe: Pipe) -> String {
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if Glibc.poll(&poll, 1, 10_000) != 1 {
                if process.isRunning { send(SIGKILL) }
                break
            }
            let count = read(descriptor, &block, block.count)
            if count <= 0 { break }
            bytes += block[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Looks at `condition` until it holds, ten seconds at the most, and says whether it did.
public func awaiting(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
    while try !condition() {
        if MonotonicInstant.now() > deadline { return false }
        pause(for: .milliseconds(2))
    }
    return true
}
