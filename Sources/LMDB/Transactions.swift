import CLMDB

/// What both kinds of transaction can do.
///
/// The unnamed database is the only one used: one B-tree fewer to write at each commit.
public protocol Transaction: ~Copyable {
    /// Runs `body` on the value stored under `key`, or on `nil` where there is none: that is no error. The bytes
    /// are the map's own, gone when `body` returns. A write transaction sees what it wrote.
    func withValue<Result>(
        of key: [UInt8], _ body: (UnsafeRawBufferPointer?) throws(EnvironmentError) -> Result
    ) throws(EnvironmentError) -> Result
}

/// A view of one commit. Valid only inside the closure it is given to.
@safe public struct ReadTransaction: ~Copyable, Transaction {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    /// As ``Transaction/withValue(of:_:)``.
    public func withValue<Result>(
        of key: [UInt8], _ body: (UnsafeRawBufferPointer?) throws(EnvironmentError) -> Result
    ) throws(EnvironmentError) -> Result {
        try unsafe get(handle, key, body)
    }

    /// Runs `body` on the first pair whose key is not below `key`, and on each after it, until it answers false.
    public func forEach(
        from key: [UInt8], _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(EnvironmentError) {
        try unsafe scan(handle, mainDatabase, from: key, body)
    }

    /// How many pages of the file are free for reuse. Walks LMDB's list of them, which only a
    /// read transaction may open: for when the file is nearly full.
    public func freePages() throws(EnvironmentError) -> Int {
        var pages = 0
        try unsafe scan(handle, freeListDatabase, from: []) { _, value in
            // Each entry is a list of page numbers, its length first.
            if value.count >= MemoryLayout<Int>.size { pages += unsafe value.loadUnaligned(as: Int.self) }
            return true
        }
        return pages
    }
}

/// The one transaction that writes at a time. Valid only inside the closure it is given to.
@safe public struct WriteTransaction: ~Copyable, Transaction {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    /// The transaction's number: grows by one with every commit, comes again after an abort.
    public var id: UInt64 {
        unsafe UInt64(mdb_txn_id(handle))
    }

    /// As ``Transaction/withValue(of:_:)``.
    public func withValue<Result>(
        of key: [UInt8], _ body: (UnsafeRawBufferPointer?) throws(EnvironmentError) -> Result
    ) throws(EnvironmentError) -> Result {
        try unsafe get(handle, key, body)
    }

    /// As ``ReadTransaction/forEach(from:_:)``. `body` must not write.
    public func forEach(
        from key: [UInt8], _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(EnvironmentError) {
        try unsafe scan(handle, mainDatabase, from: key, body)
    }

    /// Stores `value` under `key`, whatever was there.
    public func put(_ key: [UInt8], _ value: [UInt8]) throws(EnvironmentError) {
        let code = unsafe withMDBValue(key) { keyValue in
            unsafe withMDBValue(value) { dataValue in
                unsafe mdb_put(handle, mainDatabase, keyValue, dataValue, 0)
            }
        }
        try translate(code, "mdb_put")
    }

    /// Removes `key`. That it is not there is no error.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    public func delete(_ key: [UInt8]) throws(EnvironmentError) -> Bool {
        let code = unsafe withMDBValue(key) { keyValue in
            unsafe mdb_del(handle, mainDatabase, keyValue, nil)
        }
        if code == MDB_NOTFOUND { return false }
        try translate(code, "mdb_del")
        return true
    }
}

/// LMDB's own handles: FREE_DBI and MAIN_DBI of mdb.c, fixed in the file format.
private let freeListDatabase: MDB_dbi = 0
let mainDatabase: MDB_dbi = 1

func translate(_ code: Int32, _ call: String) throws(EnvironmentError) {
    if code != MDB_SUCCESS { throw .lmdb(LMDBError(code, in: call)) }
}

private func withMDBValue(
    _ bytes: [UInt8], _ body: (UnsafeMutablePointer<MDB_val>) -> Int32
) -> Int32 {
    unsafe bytes.withUnsafeBytes { buffer in
        // LMDB does not write through the pointer it is given for a key or for data to store.
        var value = unsafe MDB_val(
            mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
        return unsafe body(&value)
    }
}

private func get<Result>(
    _ transaction: OpaquePointer, _ key: [UInt8],
    _ body: (UnsafeRawBufferPointer?) throws(EnvironmentError) -> Result
) throws(EnvironmentError) -> Result {
    var found = unsafe MDB_val()
    let code = unsafe withMDBValue(key) { keyValue in
        unsafe mdb_get(transaction, mainDatabase, keyValue, &found)
    }
    if code == MDB_NOTFOUND { return try body(nil) }
    try translate(code, "mdb_get")
    return try unsafe body(UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size))
}

private func scan(
    _ transaction: OpaquePointer, _ database: MDB_dbi, from key: [UInt8],
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
) throws(EnvironmentError) {
    var opened: OpaquePointer?
    try unsafe translate(mdb_cursor_open(transaction, database, &opened), "mdb_cursor_open")
    guard let cursor = unsafe opened else { throw .lmdb(LMDBError(MDB_PANIC, in: "mdb_cursor_open")) }
    defer { unsafe mdb_cursor_close(cursor) }
    var keyFound = unsafe MDB_val()
    var valueFound = unsafe MDB_val()
    var code: Int32
    if key.isEmpty {
        code = unsafe mdb_cursor_get(cursor, &keyFound, &valueFound, MDB_FIRST)
    } else {
        code = unsafe key.withUnsafeBytes { buffer in
            unsafe keyFound = MDB_val(
                mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
            return unsafe mdb_cursor_get(cursor, &keyFound, &valueFound, MDB_SET_RANGE)
        }
    }
    while code == MDB_SUCCESS {
        let goOn = unsafe body(
            UnsafeRawBufferPointer(start: keyFound.mv_data, count: keyFound.mv_size),
            UnsafeRawBufferPointer(start: valueFound.mv_data, count: valueFound.mv_size))
        if !goOn { return }
        code = unsafe mdb_cursor_get(cursor, &keyFound, &valueFound, MDB_NEXT)
    }
    if code != MDB_NOTFOUND { try translate(code, "mdb_cursor_get") }
}
