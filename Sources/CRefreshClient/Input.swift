import CRefreshClientHeader
import Glibc

/// Reads what a program passes: what is not as it should be is an error that says what it should be.
enum Input {
    /// The longest duration that is taken, a day.
    static let longestDuration: Int64 = 86_400_000

    /// A structure of at least the size that this library knows. Every structure of the header begins with its size.
    static func structure<Value>(_ pointer: UnsafePointer<Value>?, _ name: String) throws(CallError) -> Value {
        guard let pointer = unsafe pointer else { throw .invalid("\(name) is NULL") }
        try checkSize(unsafe UnsafeRawPointer(pointer).load(as: Int.self), of: Value.self, name)
        return unsafe pointer.pointee
    }

    /// Whether a structure's `size` is one that this library can work with: programs built against a newer header pass
    /// more than is known here, which is left alone.
    static func isLargeEnough<Value>(_ size: Int, for type: Value.Type) -> Bool {
        (MemoryLayout<Value>.size...1 << 20).contains(size)
    }

    /// The same, as an error.
    static func checkSize<Value>(_ size: Int, of type: Value.Type, _ name: String) throws(CallError) {
        if isLargeEnough(size, for: type) { return }
        throw .invalid(
            "\(name)->size is \(size), and at least \(MemoryLayout<Value>.size) is needed: "
                + "initialise it with the header's INIT macro")
    }

    /// A text, or nothing where it is NULL.
    static func text(
        _ pointer: UnsafePointer<CChar>?, _ name: String, longest: Int
    ) throws(CallError) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        let length = unsafe strnlen(pointer, longest + 1)
        if length > longest { throw .invalid("\(name) is longer than the \(longest) bytes that are taken") }
        let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: length).bindMemory(to: UInt8.self)
        guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
            throw .invalid("\(name) is not UTF-8")
        }
        return text
    }

    /// A text that must be there.
    static func required(
        _ pointer: UnsafePointer<CChar>?, _ name: String, longest: Int
    ) throws(CallError) -> String {
        guard let text = try unsafe text(pointer, name, longest: longest) else { throw .invalid("\(name) is NULL") }
        return text
    }

    /// A number, or nothing where it is REFRESHCLIENT_DEFAULT.
    static func number(
        _ value: Int64, _ name: String, in range: ClosedRange<Int64>
    ) throws(CallError) -> Int64? {
        if value == Int64(REFRESHCLIENT_DEFAULT) { return nil }
        guard range.contains(value) else {
            throw .invalid(
                "\(name) is \(value), and must be from \(range.lowerBound) to \(range.upperBound), "
                    + "or REFRESHCLIENT_DEFAULT")
        }
        return value
    }

    /// A duration, or nothing where it is REFRESHCLIENT_DEFAULT.
    static func milliseconds(
        _ value: Int64, _ name: String, atLeast least: Int64 = 0
    ) throws(CallError) -> Int64? {
        try number(value, name, in: least...longestDuration)
    }
}
