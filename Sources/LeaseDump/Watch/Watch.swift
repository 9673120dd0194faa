import CLinux
import Glibc
import ProcessSupport

/// The live screen: looks at the table again and again, and shows it until it is told to end. The shell around
/// ``WatchFrame``, ``WatchState`` and ``WatchKeyDecoder``.
struct Watch: ~Copyable {
    /// How it ended.
    enum Ending: Equatable {
        case quit
        /// By a signal; the terminal's disappearance counts as SIGHUP.
        case signal(Int32)
    }

    private let terminal: WatchTerminal
    private let signals: SignalQueue
    private let interval: Duration
    private let directory: String
    private let isColoured: Bool
    private let look: () -> Sighting.Finding

    private var state = WatchState()
    private var decoder = WatchKeyDecoder()
    private var sighting = Sighting(time: "", finding: .rows([]))
    private var nextLook = MonotonicInstant.now()
    private var isOutdated = true

    /// - Parameters:
    ///   - interval: The pause between two looks.
    ///   - directory: What the screen names the table by.
    ///   - look: Looks at the table.
    init(
        on terminal: WatchTerminal, every interval: Duration, directory: String, isColoured: Bool,
        look: @escaping () -> Sighting.Finding
    ) throws(SystemCallError) {
        self.terminal = terminal
        self.interval = interval
        self.directory = directory
        self.isColoured = isColoured
        self.look = look
        signals = try SignalQueue()
    }

    /// Shows the screen. When it returns or throws, the terminal is as it was.
    ///
    /// - Throws: The failure of a system call that the screen cannot do without.
    mutating func run() throws(SystemCallError) -> Ending {
        defer { terminal.giveBack() }
        while true {
            if terminal.isForeground {
                if !terminal.isTaken {
                    try terminal.take()
                    isOutdated = true
                }
                lookIfDue()
                draw()
            }
            let isTyped = try waitForWork()
            if let ending = dealWithSignals() { return ending }
            if isTyped, let ending = dealWithKeys() { return ending }
        }
    }

    private var frame: WatchFrame {
        WatchFrame(size: terminal.size, isColoured: isColoured, directory: directory)
    }

    private mutating func lookIfDue() {
        guard MonotonicInstant.now() >= nextLook else { return }
        sighting = Sighting(time: Self.timeOfDay(), finding: look())
        isOutdated = true
        // From here on, so that looks which take long do not follow each other without a pause.
        nextLook = MonotonicInstant.now().advanced(by: interval)
    }

    /// Frames never mix: the next one waits until the terminal has the former one whole.
    private mutating func draw() {
        guard isOutdated, !terminal.isBehind else { return }
        let frame = frame
        state.keepWithin(room: frame.room, count: sighting.rows.count)
        terminal.write(frame.text(sighting, state))
        isOutdated = false
    }

    /// Waits until there is something to do.
    ///
    /// - Returns: Whether something was typed, or the terminal is gone.
    private func waitForWork() throws(SystemCallError) -> Bool {
        var events = Int16(POLLIN)
        if terminal.isBehind { events |= Int16(POLLOUT) }
        let isForeground = terminal.isForeground
        var polls = [
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
            // A job in the background leaves the keys to the shell.
            pollfd(fd: isForeground ? terminal.descriptor : -1, events: events, revents: 0),
        ]
        // A shell may bring a job to the foreground without a word.
        let pause = isForeground ? MonotonicInstant.now().duration(to: nextLook) : min(interval, .milliseconds(200))
        let milliseconds = Int32(clamping: (max(.zero, pause).wholeNanoseconds + 999_999) / 1_000_000)
        guard unsafe poll(&polls, nfds_t(polls.count), milliseconds) >= 0 || errno == EINTR else {
            throw SystemCallError("poll")
        }
        if polls[1].revents & Int16(POLLOUT) != 0 { terminal.goOn() }
        return polls[1].revents & ~Int16(POLLOUT) != 0
    }

    private mutating func dealWithSignals() -> Ending? {
        while let signal = signals.take() {
            switch signal {
            case SIGTSTP:
                terminal.giveBack()
                // Stops here, and goes on with SIGCONT.
                clinux_deliver_by_default(signal)
            case SIGCONT:
                // Whoever stopped us may have changed the modes and the screen: take it over anew.
                terminal.giveBack()
                nextLook = MonotonicInstant.now()
            case SIGWINCH: isOutdated = true
            default: return .signal(signal)
            }
        }
        return nil
    }

    private mutating func dealWithKeys() -> Ending? {
        guard terminal.isTaken, terminal.isForeground else { return nil }
        guard let bytes = terminal.typed() else { return .signal(SIGHUP) }
        for key in decoder.keys(bytes) {
            switch state.press(key, room: frame.room, count: sighting.rows.count) {
            case .nothing: break
            case .redraw: isOutdated = true
            case .quit: return .quit
            }
        }
        return nil
    }

    private static func timeOfDay() -> String {
        var seconds = time(nil)
        var parts = unsafe tm()
        unsafe _ = localtime_r(&seconds, &parts)
        let numbers = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec]
        return numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
