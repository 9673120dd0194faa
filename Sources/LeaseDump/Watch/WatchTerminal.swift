import CLinux
import Glibc
import ProcessSupport

/// The terminal that standard output is: taken over for a screen, and given back as it was.
///
/// For a program of one thread.
final class WatchTerminal {
    /// The alternate screen, which leaves what the shell has printed as it is; no cursor; no wrapping of long lines.
    private static let takingOver = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l"
    private static let givingBack = "\u{1b}[?2026l\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"
    /// What a terminal has that does not say.
    private static let usualSize = ScreenSize(columns: 80, lines: 24)

    let descriptor: Int32
    private let isOurs: Bool
    /// How the terminal was before; `nil` while it is not taken over.
    private var former: termios?
    /// What the terminal has not taken yet.
    private var rest: ArraySlice<UInt8> = []

    /// `nil` where standard output is no terminal.
    init?() {
        guard StandardOutput.isTerminal else { return nil }
        // Opened anew, since a flag set on standard output would be set for the shell, too: a terminal whose user has
        // stopped it with ^S then stops no signal from being dealt with. Where it is another user's (su, sudo), what was
        // inherited must do.
        let opened = unsafe clinux_openat(
            AT_FDCWD, "/proc/self/fd/\(STDOUT_FILENO)", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0)
        isOurs = opened >= 0
        descriptor = isOurs ? opened : STDOUT_FILENO
    }

    deinit {
        giveBack()
        if isOurs { close(descriptor) }
    }

    var isTaken: Bool { former != nil }

    /// Whether this process may use the terminal: not while it is a shell's job in the background.
    var isForeground: Bool {
        let group = tcgetpgrp(descriptor)
        // Not the terminal of this session, where there are no jobs; or gone, which reading from it tells.
        return group < 0 || group == getpgrp()
    }

    var size: ScreenSize {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return Self.usualSize
        }
        return ScreenSize(columns: Int(size.ws_col), lines: Int(size.ws_row))
    }

    /// Whether there is something that the terminal has not taken yet.
    var isBehind: Bool { !rest.isEmpty }

    /// Shows an empty screen, and hands over keys as they are pressed, unseen. Signals keep their keys.
    ///
    /// - Throws: The failure of tcgetattr(3) or tcsetattr(3).
    func take() throws(SystemCallError) {
        guard former == nil else { return }
        var modes = termios()
        guard unsafe tcgetattr(descriptor, &modes) == 0 else { throw SystemCallError("tcgetattr") }
        let found = modes
        modes.c_lflag &= ~tcflag_t(ICANON | ECHO)
        unsafe withUnsafeMutableBytes(of: &modes.c_cc) { characters in
            unsafe characters[Int(VMIN)] = 1
            unsafe characters[Int(VTIME)] = 0
        }
        let lastWords = Array(Self.givingBack.utf8CString.dropLast())
        let isGuarded = unsafe withUnsafeBytes(of: found) { bytes in
            guard let modes = bytes.baseAddress else { return false }
            return unsafe clinux_restore_in_crash(descriptor, modes, lastWords, lastWords.count) == 0
        }
        guard isGuarded else { throw SystemCallError("sigaction") }
        former = found
        guard unsafe tcsetattr(descriptor, TCSANOW, &modes) == 0 else {
            former = nil
            clinux_restored()
            throw SystemCallError("tcsetattr")
        }
        write(Self.takingOver)
    }

    /// Puts everything back. In the background the terminal is the shell's, which has done so itself.
    func giveBack() {
        guard var modes = former else { return }
        former = nil
        if isForeground {
            // The end of a frame that is half written belongs to the screen that goes.
            rest = []
            write(Self.givingBack)
            awaitTaking()
            unsafe _ = tcsetattr(descriptor, TCSANOW, &modes)
        }
        rest = []
        clinux_restored()
    }

    /// Writes `text`, all at once where the terminal takes it; see ``isBehind``.
    func write(_ text: String) {
        rest += Array(text.utf8)
        goOn()
    }

    /// Writes what the terminal takes of the rest.
    func goOn() {
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                // Nobody is there any more to see it: polling says so, too.
                rest = []
            }
        }
    }

    /// What was typed; `nil` where the terminal is gone.
    func typed() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count > 0 { return Array(bytes.prefix(count)) }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? [] : nil
    }

    /// Gives a terminal that is slow, or stopped with ^S, a moment.
    private func awaitTaking() {
        let deadline = MonotonicInstant.now().advanced(by: .milliseconds(250))
        while !rest.isEmpty, MonotonicInstant.now() < deadline {
            var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            unsafe _ = Glibc.poll(&poll, 1, 10)
            goOn()
        }
    }
}
