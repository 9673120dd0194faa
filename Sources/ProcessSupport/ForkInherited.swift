import CLinux

/// The one object of a process that its forked children inherit and go on using: for what must mean the same in a worker
/// as in the master that made it.
///
/// Every use is under the fork lock, so that no fork finds it half changed, whatever other threads are doing.
public struct ForkInherited<Value: AnyObject>: Sendable {
    /// The library's only one: there is one slot.
    public init() {}

    /// Uses the object, made now if there is none. Both closures run under the fork lock: they are short, and use neither
    /// this nor a ``ForkLocal``.
    @inlinable
    public func withValue<Result>(_ make: () -> Value, _ body: (Value) -> Result) -> Result {
        let address = unsafe lockInheritedSlot()
        defer { unlockInheritedSlot() }
        if let stored = unsafe address.pointee {
            return body(unsafe Unmanaged<Value>.fromOpaque(stored).takeUnretainedValue())
        }
        let made = make()
        unsafe address.pointee = Unmanaged.passRetained(made).toOpaque()
        return body(made)
    }
}

@usableFromInline
func lockInheritedSlot() -> UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    clinux_fork_lock()
    return unsafe clinux_inherited_slot()
}

@usableFromInline
func unlockInheritedSlot() {
    clinux_fork_unlock()
}
