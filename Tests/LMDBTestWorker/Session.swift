import CLinux
import Glibc
import LMDB
import ProcessSupport

/// What one worker has open, and the commands it understands.
struct Session {
    var options = EnvironmentOptions(
        path: "", role: .participant, mapSize: 16 << 20, readerSlots: 126, readersPerProcess: 4)
    var environment: Environment?
    var patience = Duration.seconds(10)

    static let counter = Array("counter".utf8)

    mutating func perform(_ name: String, _ words: [String]) -> String {
        do {
            return "ok " + (try command(name, words))
        } catch let error as EnvironmentError {
            return "error \(caseName(error)) \(error)"
        } catch {
            return "error other \(error)"
        }
    }

    private mutating func command(_ name: String, _ words: [String]) throws -> String {
        switch name {
        case "pid": return "\(getpid())"
        case "umask":
            umask(mode_t(words[0], radix: 8) ?? 0o22)
            return ""
        case "patience":
            patience = .milliseconds(Int(words[0]) ?? 0)
            return ""
        case "open":
            try open(words)
            return identifier
        case "open-by-threads": return try openByThreads(words)
        case "reopen":
            environment = try Environment.open(options, deadline: deadline)
            return identifier
        case "current": return try "\(current.isCurrent)"
        case "put": return try "\(put(words[0], words[1]))"
        case "get": return try get(words[0])
        case "add": return try add(Int(words[0]) ?? 1)
        case "add-until-told": return try addUntilTold()
        case "hold-write": return try holdWrite(words.first)
        case "hold-read": return try holdReads(words.isEmpty ? 1 : Int(words[0]) ?? 1)
        case "die-in-write":
            try current.write(until: deadline) { transaction throws(EnvironmentError) in
                try transaction.put(Self.counter, Array("half".utf8))
                kill(getpid(), SIGKILL)
                return .commit(())
            }
            return ""
        case "check-readers": return try "\(current.checkReaders(until: deadline))"
        case "space":
            let space = try current.space()
            return "\(space.mapSize) \(space.usedToPage) \(space.readersInUse) \(space.readerSlots)"
        case "lock-files": return "\(lockFileDescriptors())"
        case "handover": return handOver()
        case "idle-child": return "\(child { () -> Int32 in while true { pause() } })"
        case "fork-add":
            return forkAndAdd(children: Int(words[0]) ?? 1, count: Int(words[1]) ?? 1, deeper: true)
        case "fork-while-writing": return try forkWhileWriting(rounds: Int(words[0]) ?? 1)
        case "kill-openings": return killOpenings(rounds: Int(words[0]) ?? 1, path: words[1])
        case "step": return try step(words[0], path: words[1])
        default: return "unknown command \(name)"
        }
    }

    var deadline: MonotonicInstant { .now().advanced(by: patience) }

    var current: Environment {
        get throws {
            guard let environment else { throw EnvironmentError.notThere(path: "nothing opened") }
            return environment
        }
    }

    var identifier: String {
        guard let environment else { return "-" }
        return String(environment.id.0, radix: 16) + String(environment.id.1, radix: 16)
    }

    mutating func open(_ words: [String]) throws {
        options.path = words[0]
        for word in words.dropFirst() {
            let parts = word.split(separator: "=")
            let number = Int(parts[1]) ?? 0
            switch parts[0] {
            case "role": options.role = parts[1] == "inspector" ? .inspector : .participant
            case "map": options.mapSize = number
            case "slots": options.readerSlots = number
            case "readers": options.readersPerProcess = number
            default: break
            }
        }
        environment = nil
        environment = try Environment.open(options, deadline: deadline)
    }

    func put(_ key: String, _ value: String) throws -> UInt64 {
        // "#N" stands for N bytes.
        let bytes =
            value.hasPrefix("#")
            ? [UInt8](repeating: 7, count: Int(value.dropFirst()) ?? 0) : Array(value.utf8)
        return try current.write(until: deadline) { transaction throws(EnvironmentError) in
            try transaction.put(Array(key.utf8), bytes)
            return .commit(transaction.id)
        }
    }

    func get(_ key: String) throws -> String {
        try current.read(until: deadline) { transaction throws(EnvironmentError) in
            try transaction.withValue(of: Array(key.utf8)) { bytes in
                bytes.map { String(decoding: $0, as: UTF8.self) } ?? "-"
            }
        }
    }

    /// Counts up by one in each of `count` transactions. Answers the counter and the last transaction's id.
    @discardableResult
    func add(_ count: Int) throws -> String {
        var last = ""
        for _ in 0..<count {
            last = try current.write(until: deadline) { transaction throws(EnvironmentError) in
                let old = try transaction.withValue(of: Self.counter) { bytes in
                    bytes.map { Int(String(decoding: $0, as: UTF8.self)) ?? -1_000_000 } ?? 0
                }
                try transaction.put(Self.counter, Array("\(old + 1)".utf8))
                return .commit("\(old + 1) \(transaction.id)")
            }
        }
        return last
    }

    private func addUntilTold() throws -> String {
        answer("ok begun")
        var count = 0
        while clinux_poll_readable(0, 0) == 0 {
            try add(1)
            count += 1
        }
        _ = readCommand()
        return "\(count)"
    }

    private func holdWrite(_ key: String?) throws -> String {
        try current.write(until: deadline) { transaction throws(EnvironmentError) in
            if let key { try transaction.put(Array(key.utf8), Array("half".utf8)) }
            answer("ok holding")
            switch readCommand() {
            case "nested":
                do throws(EnvironmentError) {
                    try environment?.write(until: deadline) { _ in .abort(()) }
                    return .abort("no error")
                } catch {
                    return .abort(caseName(error))
                }
            case "commit": return .commit("committed")
            default: return .abort("aborted")
            }
        }
    }

    /// Holds `count` read transactions at once until the next line.
    private func holdReads(_ count: Int) throws -> String {
        func hold(_ left: Int) throws(EnvironmentError) -> String {
            guard let environment else { return "-" }
            return try environment.read(until: deadline) { transaction throws(EnvironmentError) in
                if left > 1 { return try hold(left - 1) }
                let key = Self.counter
                let before = try transaction.withValue(of: key) {
                    $0.map { String(decoding: $0, as: UTF8.self) } ?? "-"
                }
                answer("ok \(before)")
                _ = readCommand()
                return try transaction.withValue(of: key) {
                    $0.map { String(decoding: $0, as: UTF8.self) } ?? "-"
                }
            }
        }
        return try hold(count)
    }
}

/// The name of an error's case, and of LMDB's code where it is one.
func caseName(_ error: EnvironmentError) -> String {
    if case .lmdb(let inner) = error {
        return "lmdb:\(inner.code)" + (inner.code.isLackOfSpace ? ":space" : "")
    }
    if case .system(let inner) = error { return "system:\(inner.call):\(inner.code)" }
    if case .nestedWrite = error { return "nestedWrite" }
    return Mirror(reflecting: error).children.first?.label ?? "unnamed"
}

/// How many descriptors of a lock file LMDB has open in this process.
func lockFileDescriptors() -> Int {
    (0..<64).count { number in
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
        guard length > 0 else { return false }
        return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self).contains(
            "/lock.mdb")
    }
}
