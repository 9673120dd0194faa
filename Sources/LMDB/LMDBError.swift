import CLMDB
import Glibc

/// What liblmdb answered, every code of lmdb.h by name; a code that is not known here is kept as it is.
public struct LMDBError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The names of the codes.
    public enum Code: Sendable, Hashable {
        /// `MDB_KEYEXIST`: the pair is there already.
        case keyExists
        /// `MDB_NOTFOUND`: no such pair.
        case notFound
        /// `MDB_PAGE_NOTFOUND`: a page that should be there is not; the file is damaged.
        case pageNotFound
        /// `MDB_CORRUPTED`: a page has the wrong type; the file is damaged.
        case corrupted
        /// `MDB_PANIC`: the environment had a fatal error before.
        case panic
        /// `MDB_VERSION_MISMATCH`: data or lock file of another layout of LMDB.
        case versionMismatch
        /// `MDB_INVALID`: not an LMDB file.
        case invalid
        /// `MDB_MAP_FULL`: the map size is used up.
        case mapFull
        /// `MDB_DBS_FULL`: more named databases than declared.
        case databasesFull
        /// `MDB_READERS_FULL`: every reader slot is taken.
        case readersFull
        /// `MDB_TLS_FULL`: no thread-local key left.
        case threadKeysFull
        /// `MDB_TXN_FULL`: too many dirty pages in one transaction.
        case transactionFull
        /// `MDB_CURSOR_FULL`: the cursor's stack is too deep.
        case cursorFull
        /// `MDB_PAGE_FULL`: a page has no room; internal.
        case pageFull
        /// `MDB_MAP_RESIZED`: another process made the map larger than ours.
        case mapResized
        /// `MDB_INCOMPATIBLE`: operation and database do not fit.
        case incompatible
        /// `MDB_BAD_RSLOT`: a reader slot was used wrongly.
        case badReaderSlot
        /// `MDB_BAD_TXN`: the transaction must be aborted.
        case badTransaction
        /// `MDB_BAD_VALSIZE`: key or value of a wrong size.
        case badValueSize
        /// `MDB_BAD_DBI`: the database handle changed.
        case badDatabase
        /// An `errno` value, for instance `ENOSPC`.
        case system(Int32)
        /// A code of LMDB's range that this version does not know.
        case unknown(Int32)
    }

    /// Which.
    public var code: Code
    /// The `mdb_` function that answered it.
    public var call: String

    init(_ rawCode: Int32, in call: String) {
        self.code = Code(rawCode)
        self.call = call
    }

    /// The function, and LMDB's own words for the code.
    public var description: String {
        unsafe "\(call): \(String(cString: mdb_strerror(code.rawCode)))"
    }
}

extension LMDBError.Code {
    private static let names: [(raw: Int32, code: LMDBError.Code)] = [
        (MDB_KEYEXIST, .keyExists), (MDB_NOTFOUND, .notFound), (MDB_PAGE_NOTFOUND, .pageNotFound),
        (MDB_CORRUPTED, .corrupted), (MDB_PANIC, .panic), (MDB_VERSION_MISMATCH, .versionMismatch),
        (MDB_INVALID, .invalid), (MDB_MAP_FULL, .mapFull), (MDB_DBS_FULL, .databasesFull),
        (MDB_READERS_FULL, .readersFull), (MDB_TLS_FULL, .threadKeysFull), (MDB_TXN_FULL, .transactionFull),
        (MDB_CURSOR_FULL, .cursorFull), (MDB_PAGE_FULL, .pageFull), (MDB_MAP_RESIZED, .mapResized),
        (MDB_INCOMPATIBLE, .incompatible), (MDB_BAD_RSLOT, .badReaderSlot), (MDB_BAD_TXN, .badTransaction),
        (MDB_BAD_VALSIZE, .badValueSize), (MDB_BAD_DBI, .badDatabase),
    ]

    /// The name of a code that an `mdb_` function returned.
    public init(_ rawCode: Int32) {
        if let known = Self.names.first(where: { $0.raw == rawCode }) {
            self = known.code
        } else {
            // LMDB's own codes are negative, errno's positive.
            self = rawCode > 0 ? .system(rawCode) : .unknown(rawCode)
        }
    }

    /// The code as lmdb.h or errno.h has it.
    public var rawCode: Int32 {
        switch self {
        case .system(let code), .unknown(let code): code
        default: Self.names.first { $0.code == self }?.raw ?? MDB_PANIC
        }
    }

    /// Whether room was lacking: in the map, or in the file system under it.
    public var isLackOfSpace: Bool {
        self == .mapFull || self == .system(ENOSPC) || self == .system(EDQUOT)
    }
}

/// Throws what a call of liblmdb answered, unless it is success.
func check(_ code: Int32, _ call: String) throws(LMDBError) {
    if code != MDB_SUCCESS { throw LMDBError(code, in: call) }
}
