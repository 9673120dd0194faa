import CRefreshClientHeader
import ProcessSupport

/// A program's `refreshclient_error`.
enum ErrorSlot {
    /// Runs a call: what it throws goes into the error, where there is one.
    static func run(
        _ given: UnsafeMutablePointer<refreshclient_error>?, _ body: () throws(CallError) -> Void
    ) -> Int32 {
        if let given = unsafe given,
            unsafe !Input.isLargeEnough(given.pointee.size, for: refreshclient_error.self)
        {
            return Int32(REFRESHCLIENT_INVALID_ARGUMENT)
        }
        return Forks.heldOff {
            do throws(CallError) {
                try body()
                return Int32(REFRESHCLIENT_OK)
            } catch {
                if let given = unsafe given { unsafe error.fill(given) }
                return error.code
            }
        }
    }
}
