import CLinux
import Glibc
import ProcessSupport

/// Signals that wait to be taken, instead of interrupting what the program does.
struct SignalQueue: ~Copyable {
    /// What ends the screen.
    static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    let descriptor: Int32

    /// Blocks what a screen has to do with.
    ///
    /// - Throws: The failure of signalfd(2).
    init() throws(SystemCallError) {
        let signals = Self.ending + [SIGTSTP, SIGCONT, SIGWINCH]
        descriptor = unsafe clinux_signal_descriptor(signals, signals.count)
        guard descriptor >= 0 else { throw SystemCallError("signalfd") }
    }

    deinit { close(descriptor) }

    /// The next one; `nil` where none is pending.
    func take() -> Int32? {
        let signal = clinux_take_signal(descriptor)
        return signal == 0 ? nil : signal
    }
}
