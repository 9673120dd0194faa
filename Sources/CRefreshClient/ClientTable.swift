import ProcessSupport

/// The clients that are open, by their numbers and by their options. Children inherit it.
final class ClientTable {
    private final class Entry {
        let client: Client
        let options: ClientOptions
        var timesOpened = 1

        init(client: Client, options: ClientOptions) {
            self.client = client
            self.options = options
        }
    }

    private var entries: [UInt64: Entry] = [:]
    private var handles: [ClientOptions: UInt64] = [:]
    private var next: UInt64

    private init() {
        var random = SystemRandomNumberGenerator()
        next = random.next(upperBound: 1 << 62) + 1
    }

    private static func with<Result>(_ body: (ClientTable) -> Result) -> Result {
        ForkInherited<ClientTable>().withValue(ClientTable.init, body)
    }

    /// The client that is open under a number.
    static func client(_ handle: UInt64) -> Client? {
        with { $0.entries[handle]?.client }
    }

    /// Opens the client with these options once more, if it is open; its number.
    static func reopen(_ options: ClientOptions) -> UInt64? {
        with { $0.reopen(options) }
    }

    /// Opens a client that was just made, unless one with the same options is open by now.
    static func open(_ client: Client, _ options: ClientOptions) -> UInt64 {
        with { table in
            if let known = table.reopen(options) { return known }
            table.next += 1
            table.entries[table.next] = Entry(client: client, options: options)
            table.handles[options] = table.next
            return table.next
        }
    }

    /// Closes it once; false where it is not open.
    static func close(_ handle: UInt64) -> Bool {
        // What goes, goes when the lock was let go.
        let closed: (isOpen: Bool, last: Entry?) = with { table in
            guard let entry = table.entries[handle] else { return (false, nil) }
            entry.timesOpened -= 1
            if entry.timesOpened > 0 { return (true, nil) }
            table.entries[handle] = nil
            table.handles[entry.options] = nil
            return (true, entry)
        }
        return closed.isOpen
    }

    private func reopen(_ options: ClientOptions) -> UInt64? {
        guard let handle = handles[options] else { return nil }
        entries[handle]?.timesOpened += 1
        return handle
    }
}
