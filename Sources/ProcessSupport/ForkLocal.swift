import CLinux

/// An object per process: what a forked child finds is a new one, and what its parent had is left as it was,
/// neither used nor released.
///
/// This is how the library survives fork(2) at any moment, in the middle of a transaction of another thread
/// included: everything with a lock, a descriptor or a mapping in it hangs off one of these. The slots live in C
/// because a lazily initialised Swift global can itself be caught half-way by a fork.
public struct ForkLocal<Value: AnyObject>: Sendable {
    @usableFromInline let slot: Int32

    /// Names one of the process's slots. Every slot has one user; see ``ForkLocalSlot``.
    public init(_ slot: ForkLocalSlot) {
        self.slot = slot.rawValue
    }

    /// This process's object, made now if there is none. Takes no lock, so that nobody is held up by whoever makes it;
    /// where two threads make one at once, one of the two is kept, and both get that.
    @inlinable
    public func value(_ make: () -> Value) -> Value {
        if let stored = unsafe forkLocal(slot) {
            return unsafe Unmanaged<Value>.fromOpaque(stored).takeUnretainedValue()
        }
        let made = unsafe Unmanaged.passRetained(make())
        let settled = unsafe settleForkLocal(slot, made.toOpaque())
        if unsafe settled != made.toOpaque() { unsafe made.release() }
        return unsafe Unmanaged<Value>.fromOpaque(settled).takeUnretainedValue()
    }
}

@usableFromInline
func forkLocal(_ slot: Int32) -> UnsafeMutableRawPointer? {
    unsafe clinux_fork_local(slot)
}

@usableFromInline
func settleForkLocal(_ slot: Int32, _ made: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    unsafe clinux_fork_local_settle(slot, made)
}

/// Who uses which slot.
public enum ForkLocalSlot: Int32, Sendable {
    /// The environments this process has open.
    case environments = 0
    /// Calls in flight, by directory.
    case flights = 1
    /// Who this process is.
    case identity = 2
    /// The thread that ends asynchronous callers at their deadlines.
    case deadlines = 3
    /// Nobody in the library: for tests of the mechanism, which share a process with tests of its users.
    case tests = 4
    /// The leases that were handed out to C.
    case leaseHandles = 5
    /// The waiters that were handed out to C.
    case waiterHandles = 6
    /// Where this process counts.
    case counters = 7
}

/// The number of forks between the process that loaded the library and this one.
///
/// Compare it with a value noted earlier to learn whether this is still the same process; costs a nanosecond,
/// where getpid(2) is a system call.
public func forkGeneration() -> UInt64 {
    clinux_fork_generation()
}
