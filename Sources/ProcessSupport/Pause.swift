import CLinux

/// Sleeps for `duration`, or less where a signal comes; not at all where it is not positive.
public func pause(for duration: Duration) {
    if duration > .zero { _ = clinux_poll_readable(-1, duration.wholeNanoseconds) }
}
