import ProcessSupport

/// The process that a slot belongs to, in one word, so that a slot can be taken by one comparison: 22 bits of pid, which
/// is all that Linux gives out, and 42 of start time, which last for a thousand years.
///
/// Boot and namespaces are the same for all: the environment sees to that.
struct SlotOwner: Hashable {
    let word: UInt64

    /// `nil` where the process does not fit, or does not know when it started.
    init?(_ process: ProcessIdentity) {
        guard process.pid > 0, process.pid < 1 << 22, process.startTime > 0, process.startTime < 1 << 42 else {
            return nil
        }
        word = process.startTime << 22 | UInt64(process.pid)
    }

    /// Whoever the word names, which may be nobody that ever was.
    init(word: UInt64) {
        self.word = word
    }

    var process: ProcessIdentity {
        ProcessIdentity(pid: Int32(truncatingIfNeeded: word & (1 << 22 - 1)), startTime: word >> 22)
    }
}
