/// The name of the pipe that a holder keeps open for as long as it holds: `PID.START.NUMBER`, where pid and
/// start time are decimal and the number is 16 lower-case hexadecimal digits.
///
/// A record stores only the number; the rest is its holder's. A plain value: thread- and fork-safe.
public struct WakePipeName: Hashable, Sendable, CustomStringConvertible {
    /// The maker's process id, from 1.
    public let pid: Int32
    /// The maker's start time, as in ``Holder/startTime``.
    public let startTime: UInt64
    /// What tells the pipes of one process apart; random.
    public let number: UInt64

    /// Names pipe `number` of `holder`.
    public init(holder: Holder, number: UInt64) {
        pid = holder.pid
        startTime = holder.startTime
        self.number = number
    }

    /// Reads a file name; `nil` for anything that is not exactly what ``fileName`` writes, path separators,
    /// signs and leading zeros included.
    public init?(fileName: String) {
        let fields = fileName.split(separator: ".", omittingEmptySubsequences: false)
        guard fields.count == 3,
            let pid = Int32(fields[0]), pid > 0,
            let startTime = UInt64(fields[1]),
            let number = UInt64(fields[2], radix: 16)
        else { return nil }
        self.pid = pid
        self.startTime = startTime
        self.number = number
        // The integer parsers take signs, leading zeros and upper case; the one spelling that counts is ours.
        guard self.fileName.utf8.elementsEqual(fileName.utf8) else { return nil }
    }

    /// The file's name within the directory of pipes.
    public var fileName: String {
        let digits = String(number, radix: 16)
        return "\(pid).\(startTime).\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)"
    }

    /// The same as ``fileName``.
    public var description: String { fileName }
}
