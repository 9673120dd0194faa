// The names are the header's.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CRefreshClientHeader
import LeaseTable
import ProcessSupport
import RefreshClient

/// See refreshclient.h.
@c @implementation
public func refreshclient_refresh_workos(
    _ client: refreshclient_t, _ request: UnsafePointer<refreshclient_request>?,
    _ outcome: UnsafeMutablePointer<refreshclient_outcome>?
) -> Int32 {
    unsafe OutcomeSlot.run(outcome) { slot throws(CallError) in
        let client = try Client.open(client)
        guard client.callsWorkOS else {
            throw .invalid("the client has a token_endpoint of its own, which only the program can call")
        }
        let input = try unsafe RequestInput(request)
        return try slot.succeed(
            try translating { () throws(TokenRefreshError) in
                try client.refreshing.refresh(input.request, deadline: input.deadline, lease: input.lease)
            })
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_begin(
    _ client: refreshclient_t, _ request: UnsafePointer<refreshclient_request>?,
    _ outcome: UnsafeMutablePointer<refreshclient_outcome>?
) -> Int32 {
    unsafe OutcomeSlot.run(outcome) { slot throws(CallError) in
        let client = try Client.open(client)
        let input = try unsafe RequestInput(request)
        let begun = try translating { () throws(TokenRefreshError) in
            try client.refreshing.begin(input.request, lease: input.lease, deadline: input.deadline)
        }
        switch begun {
        case .result(let result): return try slot.succeed(result)
        case .holder(let held): return slot.hold(Handles.leases.insert(held))
        }
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_begin_nonblocking(
    _ client: refreshclient_t, _ request: UnsafePointer<refreshclient_request>?,
    _ outcome: UnsafeMutablePointer<refreshclient_outcome>?
) -> Int32 {
    unsafe OutcomeSlot.run(outcome) { slot throws(CallError) in
        let client = try Client.open(client)
        let input = try unsafe RequestInput(request)
        let waiter = try translating { () throws(TokenRefreshError) in
            try client.refreshing.waiter(for: input.request, lease: input.lease, deadline: input.deadline)
        }
        return try resume(waiter, as: nil, slot)
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_resume(
    _ waiter: refreshclient_waiter_t, _ outcome: UnsafeMutablePointer<refreshclient_outcome>?
) -> Int32 {
    unsafe OutcomeSlot.run(outcome) { slot throws(CallError) in
        // Taken out meanwhile: of two threads that resume it, one does.
        guard let taken = Handles.waiters.take(waiter) else { throw .staleWaiter }
        return try resume(taken, as: waiter, slot)
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_cancel(_ waiter: refreshclient_waiter_t) -> Int32 {
    Forks.heldOff {
        Int32(Handles.waiters.take(waiter) == nil ? REFRESHCLIENT_STALE_HANDLE : REFRESHCLIENT_OK)
    }
}

private func resume(_ waiter: LeaseWaiter, as handle: UInt64?, _ slot: OutcomeSlot) throws(CallError) -> Int32 {
    var waiter = waiter
    let progress = try translating { () throws(TokenRefreshError) in try waiter.resume() }
    switch progress {
    case .result(let result): return try slot.succeed(result)
    case .holder(let held): return slot.hold(Handles.leases.insert(held))
    case .wait(let descriptor, let duration):
        let number = handle ?? Handles.waiters.insert(waiter)
        if handle != nil { Handles.waiters.restore(waiter, as: number) }
        return slot.wait(number, on: descriptor, atMost: duration)
    }
}

/// Runs what the client does, and puts its error in C's words.
func translating<Result>(_ body: () throws(TokenRefreshError) -> Result) throws(CallError) -> Result {
    do throws(TokenRefreshError) {
        return try body()
    } catch {
        throw CallError(error)
    }
}

/// For refresh.c, which begins again with the time that is left.
@c(refreshclient_default_deadline_ms)
public func defaultDeadlineMilliseconds(_ client: refreshclient_t) -> Int64 {
    guard let deadline = ClientTable.client(client)?.refreshing.configuration.callerDeadline else { return 0 }
    return Int64(Output.milliseconds(deadline))
}
