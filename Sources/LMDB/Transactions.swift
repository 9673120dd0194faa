import CLMDB

/// What both kinds of transaction can do.
///
/// The unnamed database is the only one used: one B-tree fewer to write at each commit.
public protocol Transaction: ~Copyable {
    /// The value stored under `key`, or `nil` where there is none: that is no error. The bytes are the map's own, good
    /// until the transaction ends or writes. A write transaction sees what it wrote.
    @unsafe func bytes(of key: UnsafeRawBufferPointer) throws(EnvironmentError) -> UnsafeRawBufferPointer?
}

extension Transaction where Self: ~Copyable {
    /// Runs `body` on the value stored under `key`, or on `nil` where there is none: that is no error. The bytes
    /// are the map's own, gone when `body` returns. A write transaction sees what it wrote.
    public func withValue<Result>(
        of key: [UInt8], _ body: (UnsafeRawBufferPointer?) throws(EnvironmentError) -> Result
    ) throws(EnvironmentError) -> Result {
        let found = unsafe key.withUnsafeBytes { buffer in
            unsafe Swift.Result { () throws(EnvironmentError) in try unsafe bytes(of: buffer) }
        }
        return try unsafe body(found.get())
    }
}

/// A view of one commit. Valid only inside the closure it is given to.
@safe public struct ReadTransaction: ~Copyable, Transaction {
    @usableFromInline let handle: OpaquePointer

    @usableFromInline init(_ handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    /// As ``Transaction/bytes(of:)``.
    @unsafe public func bytes(of key: UnsafeRawBufferPointer) throws(EnvironmentError) -> UnsafeRawBufferPointer? {
        try unsafe get(handle, key)
    }

    /// Runs `body` on the first pair whose key is not below `key`, and on each after it, until it answers false.
    public func forEach(
        from key: [UInt8], _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(EnvironmentError) {
        try unsafe scan(handle, mainDatabase, from: key, body)
    }

    /// How many pages of the file are free for reuse: those that were freed before `oldest`, the oldest transaction that
    /// some reader still sees. Walks LMDB's list of them, which only a read transaction may: for when the file is nearly
    /// full.
    func pagesFreed(before oldest: Int) throws(EnvironmentError) -> Int {
        var pages = 0
        try unsafe scan(handle, freeListDatabase, from: []) { key, value in
            let word = MemoryLayout<Int>.size
            guard key.count == word, value.count >= word, unsafe key.loadUnaligned(as: Int.self) < oldest else {
                return false
            }
            // Each entry is a list of page numbers, its length first.
            pages += unsafe value.loadUnaligned(as: Int.self)
            return true
        }
        return pages
    }
}

/// The one transaction that writes at a time. Valid only inside the closure it is given to.
@safe public struct WriteTransaction: ~Copyable, Transaction {
    @usableFromInline let handle: OpaquePointer

    @usableFromInline init(_ handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    /// The transaction's number: grows by one with every commit, comes again after an abort.
    public var id: UInt64 {
        unsafe UInt64(mdb_txn_id(handle))
    }

    /// As ``Transaction/bytes(of:)``.
    @unsafe public func bytes(of key: UnsafeRawBufferPointer) throws(EnvironmentError) -> UnsafeRawBufferPointer? {
        try unsafe get(handle, key)
    }

    /// As ``ReadTransaction/forEach(from:_:)``. `body` must not write.
    public func forEach(
        from key: [UInt8], _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(EnvironmentError) {
        try unsafe scan(handle, mainDatabase, from: key, body)
    }

    /// Stores `value` under `key`, whatever was there.
    public func put(_ key: [UInt8], _ value: [UInt8]) throws(EnvironmentError) {
        let code = unsafe key.withUnsafeBytes { keyBytes in
            unsafe value.withUnsafeBytes { unsafe store(keyBytes, $0) }
        }
        try translate(code, "mdb_put")
    }

    /// As ``put(_:_:)-([UInt8],_)``.
    @unsafe public func put(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(EnvironmentError) {
        try translate(unsafe store(key, value), "mdb_put")
    }

    private func store(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Int32 {
        var keyValue = unsafe MDB_val(key)
        var dataValue = unsafe MDB_val(value)
        return unsafe mdb_put(handle, mainDatabase, &keyValue, &dataValue, 0)
    }

    /// Removes `key`. That it is not there is no error.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    public func delete(_ key: [UInt8]) throws(EnvironmentError) -> Bool {
        try wasThere(unsafe key.withUnsafeBytes { unsafe remove($0) })
    }

    /// As ``delete(_:)-([UInt8])``.
    @discardableResult
    @unsafe public func delete(_ key: UnsafeRawBufferPointer) throws(EnvironmentError) -> Bool {
        try wasThere(unsafe remove(key))
    }

    private func remove(_ key: UnsafeRawBufferPointer) -> Int32 {
        var keyValue = unsafe MDB_val(key)
        return unsafe mdb_del(handle, mainDatabase, &keyValue, nil)
    }

    private func wasThere(_ code: Int32) throws(EnvironmentError) -> Bool {
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

extension MDB_val {
    /// LMDB does not write through the pointer it is given for a key or for data to store.
    fileprivate init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

private func get(
    _ transaction: OpaquePointer, _ key: UnsafeRawBufferPointer
) throws(EnvironmentError) -> UnsafeRawBufferPointer? {
    var keyValue = unsafe MDB_val(key)
    var found = unsafe MDB_val()
    let code = unsafe mdb_get(transaction, mainDatabase, &keyValue, &found)
    if code == MDB_NOTFOUND { return nil }
    try translate(code, "mdb_get")
    return unsafe UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size)
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
