// The names are the header's.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CRefreshClientHeader
import ProcessSupport
import RefreshClient
import WorkOS

/// See refreshclient.h.
@c @implementation
public func refreshclient_may_send(
    _ lease: refreshclient_lease_t, _ call_timeout_ms: Int64, _ error: UnsafeMutablePointer<refreshclient_error>?
) -> Int32 {
    unsafe ErrorSlot.run(error) { () throws(CallError) in
        let timeout = try Input.milliseconds(call_timeout_ms, "call_timeout_ms")
        guard let held = Handles.leases.value(of: lease) else { throw .staleLease }
        while true {
            let permission = try translating { () throws(TokenRefreshError) in
                try held.maySend(callTimeout: timeout.map { .milliseconds($0) })
            }
            switch permission {
            case .send: return
            case .lost: throw .leaseLost
            case .wait(let interval): pause(for: interval)
            }
        }
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_renew(
    _ lease: refreshclient_lease_t, _ lease_ms: Int64, _ error: UnsafeMutablePointer<refreshclient_error>?
) -> Int32 {
    unsafe ErrorSlot.run(error) { () throws(CallError) in
        guard let duration = try Input.milliseconds(lease_ms, "lease_ms", atLeast: 1) else {
            throw .invalid("lease_ms is REFRESHCLIENT_DEFAULT: say how long the lease is to last from now")
        }
        guard let held = Handles.leases.value(of: lease) else { throw .staleLease }
        let holds = try translating { () throws(TokenRefreshError) in try held.renew(for: .milliseconds(duration)) }
        if !holds { throw .leaseLost }
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_finish(
    _ lease: refreshclient_lease_t, _ answer: UnsafePointer<refreshclient_answer>?,
    _ outcome: UnsafeMutablePointer<refreshclient_outcome>?
) -> Int32 {
    unsafe OutcomeSlot.run(outcome) { slot throws(CallError) in
        let input = try unsafe AnswerInput(answer)
        // Taken out: of two threads that finish it, one does.
        guard let held = Handles.leases.take(lease) else { throw .staleLease }
        switch input.answer.classified() {
        case .success(let success):
            return try slot.succeed(try translating { () throws(TokenRefreshError) in try held.publish(success) })
        case .failure(let failure):
            let end = try translating { () throws(TokenRefreshError) in
                try held.fail(failure, mayRetry: input.mayRetry)
            }
            switch end {
            case .result(let result): return try slot.succeed(result)
            case .retry(let interval):
                Handles.leases.restore(held, as: lease)
                return slot.retry(lease, after: interval)
            }
        }
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_fail(
    _ lease: refreshclient_lease_t, _ is_terminal: Int32, _ reason: UnsafePointer<CChar>?,
    _ message: UnsafePointer<CChar>?, _ outcome: UnsafeMutablePointer<refreshclient_outcome>?
) -> Int32 {
    unsafe OutcomeSlot.run(outcome) { slot throws(CallError) in
        let name = try unsafe Input.required(reason, "reason", longest: 63)
        let words = try unsafe Input.text(message, "message", longest: 65_536)
        guard let held = Handles.leases.take(lease) else { throw .staleLease }
        let failure = UpstreamFailure(
            class: is_terminal != 0 ? .terminal : .transient, reason: FailureReason(rawValue: name),
            // Nobody said how far the call had come.
            mayHaveRotated: is_terminal == 0, detail: Output.cut(words ?? "the program's call failed", toBytes: 200))
        do throws(CallError) {
            let end = try translating { () throws(TokenRefreshError) in try held.fail(failure) }
            guard case .result(let result) = end else { throw .leaseLost }
            return try slot.succeed(result)
        } catch {
            throw error.asCallbackFailure
        }
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_abandon(_ lease: refreshclient_lease_t) -> Int32 {
    Forks.heldOff {
        guard let held = Handles.leases.take(lease) else { return Int32(REFRESHCLIENT_STALE_HANDLE) }
        held.abandon()
        return Int32(REFRESHCLIENT_OK)
    }
}
