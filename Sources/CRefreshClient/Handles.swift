import ProcessSupport
import RefreshClient

/// The leases and waiters of this process that C has numbers for.
enum Handles {
    static var leases: HandleTable<HeldLease> {
        ForkLocal<HandleTable<HeldLease>>(.leaseHandles).value(HandleTable.init)
    }

    static var waiters: HandleTable<LeaseWaiter> {
        ForkLocal<HandleTable<LeaseWaiter>>(.waiterHandles).value(HandleTable.init)
    }
}
