import FoundationEssentials
import Glibc
import LMDB
import LeaseTable
import ProcessSupport
import StormSupport

/// What a newcomer finds in the table: read whole, without the help of any process that has used it.
struct TableCheck: Codable {
    /// What is wrong, in words.
    var problems: [String] = []
    var records = 0
    var held = 0
    /// Entries of the expiry index.
    var entries = 0
    /// Size of the data file in bytes.
    var fileSize = 0
    /// Files among the wake pipes.
    var pipes = 0
    /// The age of the oldest of them whose maker has gone, in seconds.
    var oldestOrphan = 0.0
    /// Reader slots of processes that have gone, in LMDB's lock file.
    var deadSlots = 0
    /// Reader slots that were freed.
    var freedSlots = 0

    /// Opens the table and reads every record and every index entry.
    static func read(_ directory: String, sweeping: Bool, freeingSlots: Bool) -> TableCheck {
        var check = TableCheck()
        do {
            try check.run(directory, sweeping: sweeping, freeingSlots: freeingSlots)
        } catch {
            check.problems.append("the table cannot be used: \(error)")
        }
        return check
    }

    private mutating func run(_ directory: String, sweeping: Bool, freeingSlots: Bool) throws {
        let configuration = Times.configuration(directory: directory)
        let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
        let table = try LeaseTable(configuration, in: .choose(named: directory), deadline: deadline)
        if sweeping {
            while try table.sweep(atMost: 1_000, deadline: deadline) > 0 {}
            table.sweepPipes()
        }
        if freeingSlots { freedSlots = try table.checkReaders(deadline: deadline) }
        let options = EnvironmentOptions(
            path: directory, role: .inspector, mapSize: configuration.mapSize,
            readerSlots: configuration.readerSlots, readersPerProcess: configuration.readersPerProcess)
        let environment = try Environment.open(options, deadline: deadline)
        let keys = try environment.read(until: deadline) { transaction throws(EnvironmentError) -> [[UInt8]] in
            var keys: [[UInt8]] = []
            try transaction.forEach(from: [0]) { key, _ in
                keys.append(Array(key))
                return true
            }
            return keys
        }
        try compare(keys, with: table.leases(deadline: deadline))
        look(at: directory)
    }

    /// Every record has the one index entry it should have, there are no others, and there is nothing else.
    private mutating func compare(_ keys: [[UInt8]], with listed: [ListedLease]) {
        var expected: Set<[UInt8]> = []
        for lease in listed {
            switch lease.record {
            case .success(let record):
                records += 1
                if record.state == .held { held += 1 }
                let instant = record.removableAt.nanoseconds
                let words = stride(from: UInt64(56), through: 0, by: -8).map {
                    UInt8(truncatingIfNeeded: instant >> $0)
                }
                expected.insert([UInt8(ascii: "E")] + words + lease.key.bytes)
            case .failure(let error): problems.append("record \(lease.key.shortDescription): \(error)")
            }
        }
        let found = Set(keys.filter { $0.first == UInt8(ascii: "E") })
        entries = found.count
        let missing = expected.subtracting(found).count
        let superfluous = found.subtracting(expected).count
        if missing > 0 { problems.append("\(missing) records are missing from the expiry index") }
        if superfluous > 0 { problems.append("\(superfluous) index entries belong to no record") }
        let strangers = keys.filter { key in
            key.first != UInt8(ascii: "E") && !(key.first == UInt8(ascii: "L") && key.count == 33)
        }
        if !strangers.isEmpty { problems.append("\(strangers.count) keys are neither records nor index entries") }
    }

    private mutating func look(at directory: String) {
        var status = stat()
        if stat("\(directory)/data.mdb", &status) == 0 { fileSize = Int(status.st_size) }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/pipes")) ?? []
        pipes = names.count
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        for name in names {
            guard let pipe = WakePipeName(fileName: name) else {
                problems.append("pipes/ holds something that is no pipe")
                continue
            }
            let maker = Holder(pid: pipe.pid, startTime: pipe.startTime, uid: 0)
            guard !maker.isAlive, lstat("\(directory)/pipes/\(name)", &status) == 0 else { continue }
            let age =
                Double(now.tv_sec - status.st_mtim.tv_sec) + Double(now.tv_nsec - status.st_mtim.tv_nsec) / 1e9
            oldestOrphan = max(oldestOrphan, age)
        }
    }

    /// Counts reader slots whose process has gone, but for the one that freed the others before it went.
    ///
    /// Reads LMDB's lock file itself: slots of 64 bytes from the third cache line on, the pid after eight bytes
    /// (`MDB_reader` of mdb.c). To be called in a process that has not opened the environment: closing a descriptor
    /// of the file drops that process's locks.
    static func countDeadSlots(_ directory: String, except known: pid_t) -> Int {
        guard let bytes = try? readSmallFile("\(directory)/lock.mdb", limit: 1 << 20) else { return 0 }
        return stride(from: 128, to: bytes.count - 63, by: 64).count { start in
            let pid = bytes[(start + 8)..<(start + 12)].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return pid > 1 && pid < 1 << 22 && pid != UInt32(known) && kill(pid_t(pid), 0) != 0 && errno == ESRCH
        }
    }
}
