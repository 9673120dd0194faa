import LMDB
import LeaseTable
import ProcessSupport
import SeededRandom
import TableTestSupport

/// Changes records in a table whose pages stay sound, which is more than a damaged disk does and what somebody can do who
/// has liblmdb.
struct Tampering {
    let directory: String

    struct Misuse: Error {}

    func run(_ arguments: [String]) throws {
        switch (arguments.first, arguments.dropFirst().first) {
        case ("flip", let seed?):
            var random = SeededGenerator(seed: UInt64(seed) ?? 0)
            try change { records in
                let record = Int.random(in: 0..<records.count, using: &random)
                // Half of the time in the header, which is not sealed.
                let length = Bool.random(using: &random) ? RecordCodec.headerLength : records[record].value.count
                let bit = Int.random(in: 0..<(length * 8), using: &random)
                records[record].value[bit / 8] ^= 1 << (bit % 8)
            }
        case ("version", _): try change { records in for index in records.indices { records[index].value[0] = 2 } }
        case ("swap", _):
            try change { records in
                let values = records.map(\.value)
                for index in records.indices { records[index].value = values[(index + 1) % values.count] }
            }
        case ("from", let other?):
            let values = try records(in: open(other))
            try change { records in
                for index in records.indices {
                    if let value = values.first(where: { $0.key == records[index].key }) { records[index] = value }
                }
            }
        default: throw Misuse()
        }
    }

    private typealias Pair = (key: [UInt8], value: [UInt8])

    private func open(_ path: String) throws -> Environment {
        let options = EnvironmentOptions(
            path: path, role: .participant, mapSize: 16 << 20, readerSlots: 64, readersPerProcess: 4)
        return try Environment.open(options, deadline: .now().advanced(by: .seconds(5)))
    }

    private func records(in environment: Environment) throws -> [Pair] {
        try environment.read(until: .now().advanced(by: .seconds(5))) { transaction throws(EnvironmentError) in
            var records: [Pair] = []
            try transaction.forEach(from: [TableKeys.leasePrefix]) { key, value in
                guard key.first == TableKeys.leasePrefix else { return false }
                records.append(([UInt8](key), [UInt8](value)))
                return true
            }
            return records
        }
    }

    private func change(_ body: (inout [Pair]) throws -> Void) throws {
        let environment = try open(directory)
        var records = try records(in: environment)
        try body(&records)
        try environment.write(until: .now().advanced(by: .seconds(5))) { transaction throws(EnvironmentError) in
            for (key, value) in records { try transaction.put(key, value) }
            return .commit(())
        }
    }
}
