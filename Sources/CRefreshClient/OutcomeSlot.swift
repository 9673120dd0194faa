import CRefreshClientHeader
import Glibc
import ProcessSupport
import RefreshClient

/// A program's `refreshclient_outcome`, checked and made as new.
@safe struct OutcomeSlot {
    private let target: UnsafeMutablePointer<refreshclient_outcome>

    /// `nil` where there is none to write to.
    init?(_ given: UnsafeMutablePointer<refreshclient_outcome>?) {
        guard let given = unsafe given,
            unsafe Input.isLargeEnough(given.pointee.size, for: refreshclient_outcome.self)
        else { return nil }
        unsafe target = given
        unsafe Self.reset(given)
    }

    /// Makes it as the INIT macro does, but for its size.
    static func reset(_ target: UnsafeMutablePointer<refreshclient_outcome>) {
        let size = unsafe target.pointee.size
        unsafe memset(target, 0, MemoryLayout<refreshclient_outcome>.size)
        unsafe target.pointee.size = size
        unsafe target.pointee.descriptor = -1
        unsafe target.pointee.error.size = MemoryLayout<refreshclient_error>.size
        unsafe target.pointee.error.retry_after_ms = -1
    }

    /// Runs a call: what it throws goes into the outcome. Where there is no outcome to write to, only the code tells.
    static func run(
        _ given: UnsafeMutablePointer<refreshclient_outcome>?,
        _ body: (OutcomeSlot) throws(CallError) -> Int32
    ) -> Int32 {
        guard let slot = unsafe OutcomeSlot(given) else { return Int32(REFRESHCLIENT_INVALID_ARGUMENT) }
        return Forks.heldOff {
            do throws(CallError) {
                return try body(slot)
            } catch {
                return slot.fail(error)
            }
        }
    }

    func succeed(_ result: RefreshResult) throws(CallError) -> Int32 {
        try keep(result.body)
        unsafe withUnsafeMutableBytes(of: &target.pointee.request_id) {
            unsafe Output.copy(result.requestID ?? "", to: $0)
        }
        return Int32(REFRESHCLIENT_OK)
    }

    func fail(_ error: CallError) -> Int32 {
        unsafe error.fill(&target.pointee.error)
        // Where there is no memory for it, the rest still tells.
        if !error.body.isEmpty { try? keep(error.body) }
        return error.code
    }

    func hold(_ lease: UInt64) -> Int32 {
        unsafe target.pointee.lease = lease
        return Int32(REFRESHCLIENT_HOLDER)
    }

    func retry(_ lease: UInt64, after pause: Duration) -> Int32 {
        unsafe target.pointee.lease = lease
        unsafe target.pointee.wait_ms = Output.milliseconds(pause)
        return Int32(REFRESHCLIENT_RETRY)
    }

    func wait(_ waiter: UInt64, on descriptor: Int32?, atMost duration: Duration) -> Int32 {
        unsafe target.pointee.waiter = waiter
        unsafe target.pointee.descriptor = descriptor ?? -1
        unsafe target.pointee.wait_ms = Output.milliseconds(duration)
        return Int32(REFRESHCLIENT_WAIT)
    }

    private func keep(_ body: [UInt8]) throws(CallError) {
        guard let copy = unsafe Output.copied(body) else { throw .noMemory }
        unsafe target.pointee.body = copy
        unsafe target.pointee.body_length = body.count
    }
}
