import Foundation
import Glibc
import ProcessSupport

/// A program in a pseudo-terminal of its own: the leader of a session whose terminal it is. What it draws is shown by a
/// ``ScreenModel``.
public final class TerminalProgram {
    /// Its process id.
    public let pid: Int32
    /// What is on its screen.
    public let screen: ScreenModel
    /// The terminal's modes before the program had it; see ``modes``.
    public let formerModes: [UInt32]
    private var primary: Int32
    /// Held open, so that the terminal's modes can be asked for when the program has ended.
    private let secondary: Int32
    private var status: Int32?

    /// What went wrong before it ran.
    public struct Failure: Error {
        let call: String
        let code: Int32
    }

    /// The path of a program that is built beside the tests.
    public static func path(of name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return (tests as NSString).deletingLastPathComponent + "/" + name
    }

    /// Starts the program `name`: a path, or what is built beside the tests. The environment is `environment` alone.
    public init(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], columns: Int = 140,
        lines: Int = 12
    ) throws {
        var (primary, secondary): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: UInt16(lines), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&primary, &secondary, nil, nil, &size) == 0 else { throw Failure(call: "openpty", code: errno) }
        for descriptor in [primary, secondary] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var path = [CChar](repeating: 0, count: 256)
        guard ttyname_r(secondary, &path, path.count) == 0 else { throw Failure(call: "ttyname", code: errno) }
        let program = try name.hasPrefix("/") ? name : Self.path(of: name)
        let modes = Self.modes(of: secondary)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID, which glibc's header has under _GNU_SOURCE only. The file is opened after that: it becomes
        // the terminal of the session.
        posix_spawnattr_setflags(&attributes, 0x80 | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + variables).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, program, &actions, &attributes, words, variables)
        guard code == 0 else {
            close(primary)
            close(secondary)
            throw Failure(call: "posix_spawn", code: code)
        }
        self.pid = pid
        self.primary = primary
        self.secondary = secondary
        formerModes = modes
        screen = ScreenModel(columns: columns, lines: lines)
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        if primary >= 0 { close(primary) }
        close(secondary)
    }

    /// Presses keys.
    public func type(_ keys: String) {
        let bytes = Array(keys.utf8)
        _ = write(primary, bytes, bytes.count)
    }

    /// Sends a signal to the program.
    public func send(_ signal: Int32) { kill(pid, signal) }

    /// Changes the terminal's size; the kernel tells the program.
    public func resize(columns: Int, lines: Int) {
        screen.resize(columns: columns, lines: lines)
        var size = winsize(ws_row: UInt16(lines), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(primary, UInt(TIOCSWINSZ), &size)
    }

    /// Whether the terminal hands over lines, and shows what is typed: as shells want to find it.
    public var isCooked: Bool { modes == formerModes }

    /// The terminal's modes, to compare.
    public var modes: [UInt32] { Self.modes(of: secondary) }

    /// Puts the modes in force that the program found, as a shell does when a job stops.
    public func cook() {
        var modes = termios()
        tcgetattr(secondary, &modes)
        modes.c_lflag |= tcflag_t(ICANON | ECHO)
        tcsetattr(secondary, TCSANOW, &modes)
    }

    /// Takes the terminal away, as closing its window does.
    public func hangUp() {
        close(primary)
        primary = -1
    }

    private static func modes(of descriptor: Int32) -> [UInt32] {
        var modes = termios()
        tcgetattr(descriptor, &modes)
        return [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag]
            + withUnsafeBytes(of: modes.c_cc) { $0.map { UInt32($0) } }
    }

    /// Takes what the program writes until `condition` holds of the screen, ten seconds at the most; says whether it
    /// did.
    public func shows(_ condition: (ScreenModel) -> Bool) -> Bool {
        let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
        // Not of a screen that is half drawn.
        while screen.modes.contains(2026) || !condition(screen) {
            let left = MonotonicInstant.now().duration(to: deadline).wholeNanoseconds / 1_000_000
            guard left > 0, read(for: Int32(left)) else { return false }
        }
        return true
    }

    /// Whether a text appears on the screen.
    public func shows(_ text: String) -> Bool { shows { $0.text.contains { $0.contains(text) } } }

    /// Takes what the program writes for a while: where there is nothing to wait for, because nothing is to happen.
    public func take(for duration: Duration) {
        let deadline = MonotonicInstant.now().advanced(by: duration)
        while MonotonicInstant.now() < deadline { _ = read(for: 10) }
    }

    /// Takes what the program has written, and what it writes as soon as there is room again.
    public func takeWhatIsThere() {
        while read(for: 20) {}
    }

    /// Waits for the program's end, ten seconds at the most, and takes what it still writes: its exit code, negative for
    /// the signal that ended it; `nil` where it does not end.
    public func finish() -> Int32? {
        let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
        while status == nil, MonotonicInstant.now() < deadline {
            var ended: Int32 = 0
            if waitpid(pid, &ended, WNOHANG) == pid {
                status = ended & 0x7f == 0 ? (ended >> 8) & 0xff : -(ended & 0x7f)
            } else {
                _ = read(for: 5)
            }
        }
        while read(for: 0) {}
        return status
    }

    /// Waits until the program is stopped, ten seconds at the most, and takes what it writes meanwhile.
    public func isStopped() -> Bool {
        let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
        while MonotonicInstant.now() < deadline {
            var changed: Int32 = 0
            if waitpid(pid, &changed, WNOHANG | WUNTRACED) == pid { return changed & 0xff == 0x7f }
            _ = read(for: 5)
        }
        return false
    }

    private func read(for milliseconds: Int32) -> Bool {
        if primary < 0 {
            pause(for: .milliseconds(Int64(milliseconds)))
            return false
        }
        var poll = pollfd(fd: primary, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, milliseconds) == 1, poll.revents & Int16(POLLIN) != 0 else { return false }
        var block = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(primary, &block, block.count)
        guard count > 0 else { return false }
        screen.take(Array(block[..<count]))
        return true
    }
}
