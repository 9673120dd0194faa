import CLinux
import Glibc
import ProcessSupport

/// A waiter's end of a holder's pipe.
///
/// The order matters: open it, look at the record again, and only if the same generation still holds, ``probe()``;
/// then, if the holder is there, ``wait(for:)``. Nobody reads after the probe: who drains the pipe puts an earlier
/// sleeper back to sleep. Keep it open until the record was read again after waking.
public final class WaitingEnd: Sendable {
    /// What the probe found.
    public enum Probe: Sendable {
        /// The pipe is empty and somebody holds its other end: hang-up is certain to come.
        case holderIsThere
        /// Nobody holds the other end. Waiting now would be for ever: the kernel reports only hang-ups that come
        /// after the opening.
        case hungUp
        /// The holder has written: look at the record.
        case written
    }

    /// How a wait ended.
    public enum Wake: Sendable {
        /// The other end is closed.
        case hungUp
        /// There is something in it.
        case written
        /// The time was up, or a signal came.
        case timedOut
    }

    /// The descriptor, readable when the wait is over: for event loops that watch it themselves. Not to be read from,
    /// not to be closed.
    public let descriptor: Int32
    private let madeIn = forkGeneration()

    /// Opens the pipe; `nil` where there is no such file or it is no pipe.
    init?(descriptor directory: Int32, name: String) {
        descriptor = unsafe clinux_open_fork_private(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        if !PipeDirectory.isPipe(descriptor) { return nil }
    }

    deinit {
        // A forked child has closed it already.
        if descriptor >= 0, forkGeneration() == madeIn { clinux_close_fork_private(descriptor) }
    }

    /// Learns whether the holder is there. Once only.
    public func probe() -> Probe {
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(descriptor, &byte, 1)
            if count == 1 { return .written }
            if count == 0 { return .hungUp }
            if errno != EINTR { return errno == EAGAIN ? .holderIsThere : .hungUp }
        }
    }

    /// Sleeps until the holder writes or is gone, `timeout` at the most.
    public func wait(for timeout: Duration) -> Wake {
        let events = clinux_poll_readable(descriptor, max(0, timeout.wholeNanoseconds))
        if events <= 0 { return .timedOut }
        return events & Int32(POLLHUP | POLLERR) != 0 ? .hungUp : .written
    }
}
