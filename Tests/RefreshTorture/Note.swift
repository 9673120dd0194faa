import FoundationEssentials
import Glibc
import ProcessSupport
import StormSupport

/// One line that a worker writes of what it is about to do or has seen. Shorter than `PIPE_BUF`, so that lines of many
/// processes come whole through one pipe, and what was written stays when the writer is killed.
struct Note {
    enum Kind: String {
        /// A caller begins; `other` is its deadline.
        case begin = "B"
        /// A caller has its answer; `other` is when the control that slept to the same deadline woke, or when the call
        /// began, whichever is later.
        case end = "E"
        /// The upstream is about to be called.
        case send = "S"
        /// The upstream has answered.
        case answer = "A"
        /// The process is about to kill itself, at the point named in `outcome`.
        case death = "D"
        /// The process is about to stop itself inside a write transaction.
        case lock = "L"
        /// The process has done its work and leaves.
        case leave = "X"
    }

    var kind: Kind
    /// Which life of which worker.
    var life: Int
    /// Which call, or which sending, of that life.
    var id: Int
    /// The token, by its place among all of the run; -1 for none.
    var token: Int
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    var time: UInt64
    var other: UInt64 = 0
    /// How it ended: `success`, or a reason.
    var outcome = "-"
    /// A digest of the result's bytes.
    var digest = "-"
    /// For how long the caller's thread was ready to run and was not let, in nanoseconds.
    var queued: UInt64 = 0
    /// For how long it ran meanwhile, in nanoseconds.
    var ran: UInt64 = 0
    /// For how long another thread of its process was ready to run and was not let, past the deadline, in nanoseconds.
    var othersQueued: UInt64 = 0

    init(
        _ kind: Kind, life: Int, id: Int = 0, token: Int = -1, other: UInt64 = 0, outcome: String = "-",
        digest: String = "-"
    ) {
        self.kind = kind
        self.life = life
        self.id = id
        self.token = token
        time = MonotonicInstant.now().nanoseconds
        self.other = other
        self.outcome = outcome
        self.digest = digest
    }

    /// Reads a line; `nil` for what no worker writes.
    init?(line: [UInt8]) {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count == 11, let kind = Kind(rawValue: String(words[0])), let life = Int(words[1]),
            let id = Int(words[2]), let token = Int(words[3]), let time = UInt64(words[4]),
            let other = UInt64(words[5]), let queued = UInt64(words[8]), let ran = UInt64(words[9]),
            let othersQueued = UInt64(words[10])
        else { return nil }
        self.kind = kind
        self.life = life
        self.id = id
        self.token = token
        self.time = time
        self.other = other
        outcome = String(words[6])
        digest = String(words[7])
        self.queued = queued
        self.ran = ran
        self.othersQueued = othersQueued
    }

    /// Writes the line.
    func write(to descriptor: Int32) {
        let line =
            "\(kind.rawValue) \(life) \(id) \(token) \(time) \(other) \(outcome) \(digest) \(queued) \(ran) \(othersQueued)\n"
        _ = Pipes.write(Array(line.utf8), to: descriptor)
    }
}

/// What the scheduler made a thread wait for.
enum RunQueue {
    /// For how long this thread has run, and been ready to run without running, in nanoseconds, since it began: the
    /// first two numbers of `/proc/thread-self/schedstat`, see proc(5). 0 where the kernel does not count.
    static func read() -> (ran: UInt64, queued: UInt64) {
        guard let text = try? readSmallFile("/proc/thread-self/schedstat", limit: 128) else { return (0, 0) }
        let words = String(decoding: text, as: UTF8.self).split(separator: " ")
        return words.count > 1 ? (UInt64(words[0]) ?? 0, UInt64(words[1]) ?? 0) : (0, 0)
    }

    /// The calling thread, by its number.
    static var thread: String {
        var link = [CChar](repeating: 0, count: 64)
        guard readlink("/proc/thread-self", &link, 63) > 0 else { return "" }
        let path = String(decoding: link.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.split(separator: "/").last.map(String.init) ?? ""
    }

    /// For how long each thread of this process has stood in the run queue since it began, in nanoseconds.
    static func ofAllThreads() -> [String: UInt64] {
        var queued: [String: UInt64] = [:]
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [] {
            guard let text = try? readSmallFile("/proc/self/task/\(thread)/schedstat", limit: 128) else { continue }
            let words = String(decoding: text, as: UTF8.self).split(separator: " ")
            if words.count > 1 { queued[thread] = UInt64(words[1]) }
        }
        return queued
    }
}
