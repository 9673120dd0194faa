import Glibc

/// What the file `guard` says of the environment beside it; see ``WriteGuard``.
///
/// Layout, little-endian: 0 magic (8 bytes), 8 format version (4), 12 size of `pthread_mutex_t` (4), 16 environment id
/// (16), 32 boot id (16), 48 pid namespace (8), 56 time namespace (8), 64 map size (8), 72 reader slots (4), 80 inode
/// of `alive.lock` (8), 88 of `lock.mdb` (8), 96 of `data.mdb` (8). What lies between is zero, and not read.
///
/// A plain value: thread- and fork-safe.
package struct GuardHeader: Sendable {
    /// Length in bytes.
    package static let length = 104
    /// Version of everything in the directory: this file, the keys, the records.
    static let formatVersion: UInt32 = 1
    private static let magic: UInt64 = 0x7265_6672_6573_6864  // "refreshd"
    /// From what a file with its two meta pages needs to what a process can map.
    private static let mapSizes: ClosedRange<UInt64> = 8192...(1 << 46)
    private static let readerSlotCounts: ClosedRange<UInt32> = 1...65_536

    var environmentID: (UInt64, UInt64)
    var machine: MachineIdentity
    var mapSize: UInt64
    var readerSlots: UInt32
    var aliveInode: UInt64 = 0
    var lockInode: UInt64 = 0
    var dataInode: UInt64 = 0

    /// Why bytes are no header that this code could have written.
    package enum Problem: Error, Hashable {
        /// They are too few, or do not begin with the magic number.
        case notAGuardFile
        /// Another version of the library wrote them.
        case otherVersion(UInt32)
        /// A program whose mutexes have another size wrote them.
        case otherCLibrary
        /// Map size or number of reader slots cannot be.
        case impossibleSize
    }

    /// Writes the header. The magic number is left out where `isComplete` is false: it comes last, when the mutex behind
    /// the header is ready.
    func encode(isComplete: Bool) -> [UInt8] {
        let mutexSize = UInt64(unsafe MemoryLayout<pthread_mutex_t>.size)
        let words: [UInt64] = [
            isComplete ? Self.magic : 0, UInt64(Self.formatVersion) | mutexSize << 32, environmentID.0,
            environmentID.1,
            machine.bootID.0, machine.bootID.1, machine.pidNamespace, machine.timeNamespace, mapSize,
            UInt64(readerSlots), aliveInode, lockInode, dataInode,
        ]
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }

    /// The bytes of a complete file's header.
    package var encoded: [UInt8] { encode(isComplete: true) }

    /// Reads the header from the beginning of `bytes`.
    ///
    /// - Throws: ``Problem``.
    @unsafe package init(decoding bytes: UnsafeRawBufferPointer) throws(Problem) {
        guard bytes.count >= Self.length else { throw .notAGuardFile }
        func word(_ offset: Int) -> UInt64 {
            unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        func half(_ offset: Int) -> UInt32 {
            unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        guard word(0) == Self.magic else { throw .notAGuardFile }
        guard half(8) == Self.formatVersion else { throw .otherVersion(half(8)) }
        guard unsafe half(12) == UInt32(MemoryLayout<pthread_mutex_t>.size) else { throw .otherCLibrary }
        guard Self.mapSizes.contains(word(64)), Self.readerSlotCounts.contains(half(72)) else {
            throw .impossibleSize
        }
        environmentID = (word(16), word(24))
        machine = MachineIdentity(bootID: (word(32), word(40)), pidNamespace: word(48), timeNamespace: word(56))
        mapSize = word(64)
        readerSlots = half(72)
        aliveInode = word(80)
        lockInode = word(88)
        dataInode = word(96)
    }

    init(
        environmentID: (UInt64, UInt64), machine: MachineIdentity, mapSize: UInt64, readerSlots: UInt32,
        aliveInode: UInt64
    ) {
        self.environmentID = environmentID
        self.machine = machine
        self.mapSize = mapSize
        self.readerSlots = readerSlots
        self.aliveInode = aliveInode
    }
}
