import CCurl

/// Request headers as libcurl takes them. It reads the list in place, so ours can be wiped afterwards, which
/// lines added by `curl_slist_append` could not.
@safe struct HeaderList: ~Copyable {
    /// Room for the longest key, user agent and idempotency key that are accepted, with their names.
    private static let capacity = 4096
    private let lines = WipedBuffer(capacity: HeaderList.capacity)
    private let nodes: UnsafeMutableBufferPointer<curl_slist>
    private var count = 0

    /// Makes an empty list for at most `maximum` headers.
    init(maximum: Int) {
        unsafe nodes = .allocate(capacity: maximum)
    }

    deinit {
        unsafe nodes.deallocate()
    }

    /// Adds `name: value`, the value in pieces so that a secret in it is not copied into a longer string first; no
    /// piece takes back a header that libcurl would add by itself. Says whether there was room.
    mutating func append(_ name: String, _ value: String...) -> Bool {
        let start = lines.count
        var fits =
            count < (unsafe nodes.count) && lines.append(name) && lines.append(value.isEmpty ? ":" : ": ")
        for piece in value { fits = fits && lines.append(piece) }
        guard fits, lines.append("\0") else { return false }
        let text = unsafe lines.address(of: start).assumingMemoryBound(to: CChar.self)
        unsafe nodes.initializeElement(at: count, to: curl_slist(data: text, next: nil))
        if count > 0 { unsafe nodes[count - 1].next = nodes.baseAddress?.advanced(by: count) }
        count += 1
        return true
    }

    /// The first node, valid as long as the list lives and is not added to.
    var first: UnsafeMutablePointer<curl_slist>? {
        unsafe count > 0 ? nodes.baseAddress : nil
    }
}
