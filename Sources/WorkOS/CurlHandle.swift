import CCurl
import ProcessSupport

/// One easy handle, used for one transfer on one thread and then cleaned up.
///
/// Nothing is shared between handles: no connection, DNS or TLS session cache, so there is no connection to be
/// found dead and no request to be repeated on another. A handle lives on its thread's stack, which a forked
/// child does not have: it can neither use nor clean up one of its parent's.
@safe struct CurlHandle: ~Copyable {
    private let handle: UnsafeMutableRawPointer
    /// The first error of a `set`, so that a row of them needs one look.
    private(set) var failure: CURLcode?

    /// Makes a handle, or nothing where memory is short. ``CurlLibrary/load()`` comes first.
    init?() {
        guard let handle = unsafe ccurl_easy_init() else { return nil }
        unsafe self.handle = handle
    }

    deinit {
        unsafe ccurl_easy_cleanup(handle)
    }

    private mutating func note(_ code: CURLcode) {
        if code != CURLE_OK, failure == nil { failure = code }
    }

    mutating func set(_ option: CURLoption, _ value: Int) {
        note(unsafe ccurl_setopt_long(handle, option, value))
    }

    /// Sets an option that older versions do not have, and says whether this one does.
    mutating func setIfKnown(_ option: CURLoption, _ value: Int) -> Bool {
        unsafe ccurl_setopt_long(handle, option, value) == CURLE_OK
    }

    mutating func setSize(_ option: CURLoption, _ value: Int) {
        note(unsafe ccurl_setopt_offset(handle, option, curl_off_t(value)))
    }

    mutating func set(_ option: CURLoption, _ value: String?) {
        note(unsafe ccurl_setopt_string(handle, option, value))
    }

    mutating func setPointer(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        note(unsafe ccurl_setopt_pointer(handle, option, value))
    }

    mutating func setHeaders(_ list: borrowing HeaderList) {
        note(unsafe ccurl_setopt_list(handle, CURLOPT_HTTPHEADER, list.first))
    }

    mutating func setTransfer(_ option: CURLoption, _ function: ccurl_transfer) {
        note(unsafe ccurl_setopt_transfer(handle, option, function))
    }

    /// Performs the transfer; blocks for it, and lets forks on meanwhile.
    func perform() -> CURLcode {
        Forks.letOn { unsafe ccurl_easy_perform(handle) }
    }

    /// The `errno` of the last failed system call, 0 for none.
    var systemError: Int {
        var value = 0
        return unsafe ccurl_getinfo_long(handle, CURLINFO_OS_ERRNO, &value) == CURLE_OK ? value : 0
    }
}
