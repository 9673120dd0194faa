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
        unsafe String(unsafeUninitializedCapacity: Self.longestFileName) { buffer in
            // Backwards: the first digit of a number is the last to be known.
            var start = buffer.count
            func prepend(_ byte: UInt8) {
                start -= 1
                unsafe buffer[start] = byte
            }
            func prepend(decimal value: UInt64) {
                var rest = value
                repeat {
                    prepend(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                    rest /= 10
                } while rest > 0
            }
            for shift in stride(from: UInt64(0), to: 64, by: 4) {
                prepend(hexadecimalDigit(UInt8(truncatingIfNeeded: number >> shift) & 0x0f))
            }
            prepend(UInt8(ascii: "."))
            prepend(decimal: startTime)
            prepend(UInt8(ascii: "."))
            prepend(decimal: UInt64(pid.magnitude))
            if pid < 0 { prepend(UInt8(ascii: "-")) }
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start...]))
            return buffer.count - start
        }
    }

    // Sign and ten digits, twenty, sixteen, and two points between them.
    private static let longestFileName = 49

    /// The same as ``fileName``.
    public var description: String { fileName }
}
