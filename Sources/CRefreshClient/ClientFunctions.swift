// The names are the header's.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCurl
public import CRefreshClientHeader
import Glibc
import LeaseTable
import ProcessSupport
import RefreshClient

/// See refreshclient.h.
@c @implementation
public func refreshclient_version() -> UnsafePointer<CChar> {
    unsafe LibraryVersion.text
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_open(
    _ options: UnsafePointer<refreshclient_options>?, _ client: UnsafeMutablePointer<refreshclient_t>?,
    _ error: UnsafeMutablePointer<refreshclient_error>?
) -> Int32 {
    unsafe ErrorSlot.run(error) { () throws(CallError) in
        guard let client = unsafe client else { throw .invalid("client is NULL: pass where its number goes") }
        unsafe client.pointee = 0
        let read = try unsafe ClientOptions(options)
        if let known = ClientTable.reopen(read) {
            unsafe client.pointee = known
        } else {
            unsafe client.pointee = ClientTable.open(try read.makeClient(), read)
        }
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_close(_ client: refreshclient_t) -> Int32 {
    Forks.heldOff { Int32(ClientTable.close(client) ? REFRESHCLIENT_OK : REFRESHCLIENT_STALE_HANDLE) }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_directory(
    _ client: refreshclient_t, _ buffer: UnsafeMutablePointer<CChar>?, _ buffer_size: Int
) -> Int64 {
    Forks.heldOff {
        guard let open = ClientTable.client(client) else { return Int64(REFRESHCLIENT_STALE_HANDLE) }
        var path = open.refreshing.directory.path
        if let buffer = unsafe buffer, buffer_size > 0 {
            let room = unsafe UnsafeMutableRawBufferPointer(start: buffer, count: buffer_size)
            unsafe Output.copy(path, to: room)
        } else if buffer_size > 0 {
            return Int64(REFRESHCLIENT_INVALID_ARGUMENT)
        }
        return Int64(path.withUTF8 { $0.count })
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_get_counts(
    _ client: refreshclient_t, _ counts: UnsafeMutablePointer<refreshclient_counts>?
) -> Int32 {
    Forks.heldOff {
        do throws(CallError) {
            let counted = try Client.open(client).refreshing.counts
            guard let counts = unsafe counts else { throw .invalid("counts is NULL") }
            try Input.checkSize(unsafe counts.pointee.size, of: refreshclient_counts.self, "counts")
            unsafe counts.pointee.upstream_calls = Int64(counted.upstreamCalls)
            unsafe counts.pointee.claims = Int64(counted.claims)
            unsafe counts.pointee.takeovers = Int64(counted.takeovers)
            unsafe counts.pointee.hits = Int64(counted.hits)
            unsafe counts.pointee.refreshed_alone = Int64(counted.refreshedAlone)
            unsafe counts.pointee.coordination_failures = Int64(counted.coordinationFailures)
            return Int32(REFRESHCLIENT_OK)
        } catch {
            return error.code
        }
    }
}

/// See refreshclient.h.
@c @implementation
public func refreshclient_outcome_free(_ outcome: UnsafeMutablePointer<refreshclient_outcome>?) {
    guard let outcome = unsafe outcome,
        unsafe Input.isLargeEnough(outcome.pointee.size, for: refreshclient_outcome.self)
    else { return }
    if let body = unsafe outcome.pointee.body {
        let bytes = unsafe UnsafeMutableRawPointer(mutating: body)
        unsafe ccurl_wipe(bytes, outcome.pointee.body_length)
        unsafe free(bytes)
    }
    unsafe OutcomeSlot.reset(outcome)
}
