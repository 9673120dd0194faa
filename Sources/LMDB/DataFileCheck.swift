import Glibc

/// Walks a data file that nobody uses, as its newest meta page describes it, and says whether LMDB may be let at it.
///
/// LMDB checks two page headers when it opens a file and believes the rest: page numbers, offsets within pages and
/// lengths. Where one of them is wrong it reads and writes where it should not, and ends the process or, worse, does
/// not. So whoever is about to take over a file that was left behind looks first. Checked is everything that LMDB
/// follows: both meta pages, every page of the tree and of the list of free pages, every node, and that no page has two
/// uses. Not checked are the values, which are the business of whoever reads them, nor the order of keys, which at worst
/// hides a record.
///
/// Reads each branch and leaf page once, and the first page of each value that has pages of its own, with pread(2), so
/// that a file cut short meanwhile is no SIGBUS: about 1 ms for a thousand pages, whatever a caller's deadline is. The layout is that of LMDB 0.9 (`mdb.c`: MDB_page, MDB_node, MDB_meta, MDB_db).
struct DataFileCheck {
    private let descriptor: Int32
    private let pageSize: Int
    private let filePages: UInt64
    /// One bit for each page: whether it has a use already.
    private var used: [UInt64]

    private struct Damage: Error {}

    /// One of the two trees.
    private struct Tree {
        var flags: UInt16
        var depth: Int
        var entries: UInt64
        var root: UInt64
        var isFreeList: Bool
    }

    private enum Flag {
        static let branch: UInt16 = 0x01
        static let leaf: UInt16 = 0x02
        static let overflow: UInt16 = 0x04
        static let meta: UInt16 = 0x08
        static let bigData: UInt16 = 0x01
        static let integerKey: UInt16 = 0x08
    }

    private static let headerSize = 16
    private static let noPage = UInt64.max
    private static let magic: UInt32 = 0xbeef_c0de
    private static let version: UInt32 = 1
    /// CURSOR_STACK of mdb.c.
    private static let deepest = 32

    /// Whether the file is sound.
    ///
    /// - Parameter descriptor: Of the data file; not closed.
    static func isSound(_ descriptor: Int32, size: Int64) -> Bool {
        // LMDB takes the system's page size, up to 32 KiB.
        let pageSize = min(Int(sysconf(Int32(_SC_PAGESIZE))), 0x8000)
        guard size >= Int64(2 * pageSize) else { return false }
        var check = DataFileCheck(descriptor: descriptor, pageSize: pageSize, size: size)
        return (try? check.run()) != nil
    }

    private init(descriptor: Int32, pageSize: Int, size: Int64) {
        self.descriptor = descriptor
        self.pageSize = pageSize
        filePages = UInt64(size) / UInt64(pageSize)
        used = [UInt64](repeating: 0, count: Int(filePages / 64 + 1))
    }

    private mutating func run() throws(Damage) {
        let metas = [try Page(read(0, count: 1)), try Page(read(1, count: 1))]
        for (number, meta) in metas.enumerated() {
            guard meta.number == UInt64(number), meta.flags == Flag.meta, meta.word32(16) == Self.magic,
                meta.word32(20) == Self.version, meta.word32(40) == UInt32(pageSize)
            else { throw Damage() }
        }
        let newest = metas[0].word64(144) < metas[1].word64(144) ? 1 : 0
        let meta = metas[newest]
        // A transaction's number says where its meta page stands.
        guard meta.word64(144) & 1 == UInt64(newest), meta.word64(144) < UInt64.max / 2 else { throw Damage() }
        let lastPage = meta.word64(136)
        guard lastPage >= 1, lastPage < UInt64.max / UInt64(2 * pageSize) else { throw Damage() }
        try take(0, count: 2)
        // The tree first: a page in both is damage whichever comes first.
        try walk(tree(in: meta, at: 88, isFreeList: false), lastPage)
        try walk(tree(in: meta, at: 40, isFreeList: true), lastPage)
    }

    private func tree(in meta: Page, at offset: Int, isFreeList: Bool) -> Tree {
        Tree(
            flags: meta.word16(offset + 4), depth: Int(meta.word16(offset + 6)), entries: meta.word64(offset + 32),
            root: meta.word64(offset + 40), isFreeList: isFreeList)
    }

    private mutating func walk(_ tree: Tree, _ lastPage: UInt64) throws(Damage) {
        guard tree.flags == (tree.isFreeList ? Flag.integerKey : 0) else { throw Damage() }
        if tree.root == Self.noPage {
            guard tree.depth == 0, tree.entries == 0 else { throw Damage() }
            return
        }
        guard (1..<Self.deepest).contains(tree.depth) else { throw Damage() }
        var entries: UInt64 = 0
        var pending = [(number: tree.root, level: 1)]
        while let (number, level) = pending.popLast() {
            guard number <= lastPage else { throw Damage() }
            try take(number, count: 1)
            let page = try Page(read(number, count: 1))
            let isLeaf = level == tree.depth
            guard page.number == number, page.flags == (isLeaf ? Flag.leaf : Flag.branch) else { throw Damage() }
            let nodes = try nodes(of: page)
            guard nodes.count >= (isLeaf || tree.isFreeList ? 1 : 2) else { throw Damage() }
            var bytes = 0
            for (index, offset) in nodes.enumerated() {
                let keySize = Int(page.word16(offset + 6))
                if isLeaf {
                    bytes += try leafNode(page, offset, keySize, tree, lastPage)
                    entries += 1
                } else {
                    // The first key of a branch page is never looked at.
                    guard keySize > 0 || index == 0, keySize <= 511, offset + 8 + keySize <= pageSize else {
                        throw Damage()
                    }
                    guard !tree.isFreeList || keySize == 8 || index == 0 else { throw Damage() }
                    bytes += (8 + keySize + 1) & ~1
                    let child =
                        UInt64(page.word16(offset)) | UInt64(page.word16(offset + 2)) << 16
                        | UInt64(page.word16(offset + 4)) << 32
                    pending.append((child, level + 1))
                }
            }
            // Nodes that do not fill their part of the page exactly overlap, or leave gaps that LMDB would move.
            guard bytes == pageSize - page.upper else { throw Damage() }
        }
        guard entries == tree.entries else { throw Damage() }
    }

    private func nodes(of page: Page) throws(Damage) -> [Int] {
        let (lower, upper) = (page.lower, page.upper)
        guard lower >= Self.headerSize, lower % 2 == 0, lower <= upper, upper <= pageSize else { throw Damage() }
        var offsets: [Int] = []
        for position in stride(from: Self.headerSize, to: lower, by: 2) {
            let offset = Int(page.word16(position))
            guard offset >= upper, offset % 2 == 0, offset + 8 <= pageSize else { throw Damage() }
            offsets.append(offset)
        }
        return offsets
    }

    /// Checks a node and what it leads to.
    ///
    /// - Returns: The bytes it takes up in its page.
    private mutating func leafNode(
        _ page: Page, _ offset: Int, _ keySize: Int, _ tree: Tree, _ lastPage: UInt64
    ) throws(Damage) -> Int {
        let flags = page.word16(offset + 4)
        let dataSize = Int(page.word16(offset)) | Int(page.word16(offset + 2)) << 16
        guard tree.isFreeList ? keySize == 8 : (1...511).contains(keySize) else { throw Damage() }
        guard flags == 0 || flags == Flag.bigData else { throw Damage() }
        let dataOffset = offset + 8 + keySize
        let inPage = flags == Flag.bigData ? 8 : dataSize
        guard dataOffset + inPage <= pageSize else { throw Damage() }
        var data = page
        var start = dataOffset
        if flags == Flag.bigData {
            let first = page.word64(dataOffset)
            let count = (Self.headerSize - 1 + dataSize) / pageSize + 1
            guard first <= lastPage, first + UInt64(count - 1) <= lastPage else { throw Damage() }
            try take(first, count: count)
            data = try Page(read(first, count: tree.isFreeList ? count : 1))
            guard data.number == first, data.flags == Flag.overflow, Int(data.word32(12)) == count else {
                throw Damage()
            }
            start = Self.headerSize
        }
        if tree.isFreeList { try freePages(data, start, dataSize, lastPage) }
        return (8 + keySize + inPage + 1) & ~1
    }

    /// Checks a list of free pages: its length, then the numbers in descending order.
    private mutating func freePages(
        _ page: Page, _ start: Int, _ size: Int, _ lastPage: UInt64
    ) throws(Damage) {
        guard size >= 8, size % 8 == 0, page.word64(start) <= UInt64(size / 8 - 1) else { throw Damage() }
        var previous = lastPage + 1
        for index in 0..<Int(page.word64(start)) {
            let number = page.word64(start + 8 + index * 8)
            guard number >= 2, number < previous else { throw Damage() }
            previous = number
            // A page freed before it was ever written may lie beyond the end of the file.
            if number < filePages { try take(number, count: 1) }
        }
    }

    /// Notes the use of pages that must exist and have none yet.
    private mutating func take(_ first: UInt64, count: Int) throws(Damage) {
        guard count > 0, first < filePages, UInt64(count) <= filePages - first else { throw Damage() }
        for number in first..<(first + UInt64(count)) {
            let bit = UInt64(1) << (number % 64)
            guard used[Int(number / 64)] & bit == 0 else { throw Damage() }
            used[Int(number / 64)] |= bit
        }
    }

    private func read(_ number: UInt64, count: Int) throws(Damage) -> [UInt8] {
        let length = count * pageSize
        var bytes = [UInt8](repeating: 0, count: length)
        let got = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe pread(descriptor, buffer.baseAddress, length, off_t(number) * off_t(pageSize))
        }
        guard got == length else { throw Damage() }
        return bytes
    }

    /// A page's bytes, and its numbers, which are the machine's own: little-endian where this library runs.
    private struct Page {
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        var number: UInt64 { word64(0) }
        var flags: UInt16 { word16(10) }
        var lower: Int { Int(word16(12)) }
        var upper: Int { Int(word16(14)) }

        func word16(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8 }
        func word32(_ offset: Int) -> UInt32 { UInt32(word16(offset)) | UInt32(word16(offset + 2)) << 16 }
        func word64(_ offset: Int) -> UInt64 { UInt64(word32(offset)) | UInt64(word32(offset + 4)) << 32 }
    }
}
