/// The plaintext of what is sealed into the table.
///
/// Success: format version 1, the request id with a 2-byte length (0 for none), then the body to the end. Failure:
/// format version 1, the number of attempts (1 or 2), then each: class (1 terminal, 2 transient), flags (bit 0 may have
/// rotated, bit 1 has status, bit 2 has retry-after), status (2 bytes), retry-after in ms (8 bytes), reason, detail
/// (2-byte lengths), the number of headers (1 byte) and their names and values (2-byte lengths), body (4-byte length).
/// Integers are little-endian, text is UTF-8.
package enum OutcomePayload {
    static let formatVersion: UInt8 = 1
    /// The longest body kept of an attempt that is not the last one: enough to see what it said.
    static let longestEarlierBody = 512
    /// The longest text kept of a header, reason or detail: two attempts with all of theirs fit beside a body.
    static let longestText = 200
    /// The most bytes of body that fit.
    static let longestBody = 64 * 1024

    package static func encode(_ success: UpstreamSuccess) -> [UInt8] {
        var writer = ByteWriter(capacity: success.body.count + 64)
        writer.append(formatVersion)
        writer.append(text: success.requestID ?? "", limit: longestText)
        writer.append(contentsOf: success.body)
        return writer.bytes
    }

    package static func decodeSuccess(_ bytes: consuming [UInt8]) -> UpstreamSuccess? {
        guard bytes.count >= 3, bytes[0] == formatVersion else { return nil }
        let bodyStart = 3 + Int(bytes[1]) + Int(bytes[2]) << 8
        guard bodyStart <= bytes.count else { return nil }
        let requestID = bodyStart == 3 ? nil : String(decoding: bytes[3..<bodyStart], as: UTF8.self)
        // The body stays where it was opened to: of what is secret, one copy is enough.
        unsafe bytes.withUnsafeMutableBytes { all in
            unsafe all.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[bodyStart...]))
        }
        bytes.removeLast(bodyStart)
        return UpstreamSuccess(body: bytes, requestID: requestID)
    }

    package static func encode(_ attempts: [UpstreamFailure]) -> [UInt8] {
        var writer = ByteWriter(capacity: 512 + (attempts.last?.body.count ?? 0))
        writer.append(formatVersion)
        let kept = attempts.suffix(2)
        writer.append(UInt8(kept.count))
        for (index, attempt) in kept.enumerated() {
            writer.append(attempt.class == .terminal ? UInt8(1) : UInt8(2))
            var flags: UInt8 = 0
            if attempt.mayHaveRotated { flags |= 1 }
            if attempt.status != nil { flags |= 2 }
            if attempt.retryAfterMilliseconds != nil { flags |= 4 }
            writer.append(flags)
            writer.append(UInt16(clamping: attempt.status ?? 0))
            writer.append(UInt64(clamping: attempt.retryAfterMilliseconds ?? 0))
            writer.append(text: attempt.reason.rawValue, limit: longestText)
            writer.append(text: attempt.detail, limit: longestText)
            let headers = attempt.headers.prefix(3)
            writer.append(UInt8(headers.count))
            for header in headers {
                writer.append(text: header.name, limit: longestText)
                writer.append(text: header.value, limit: longestText)
            }
            let isLast = index == kept.count - 1
            let body = attempt.body.prefix(isLast ? longestBody : longestEarlierBody)
            writer.append(UInt32(body.count))
            writer.append(contentsOf: body)
        }
        return writer.bytes
    }

    package static func decodeFailure(_ bytes: [UInt8]) -> [UpstreamFailure]? {
        var reader = ByteReader(bytes)
        guard reader.byte() == formatVersion, let count = reader.byte(), (1...2).contains(count) else { return nil }
        var attempts: [UpstreamFailure] = []
        for _ in 0..<count {
            guard let kind = reader.byte(), kind == 1 || kind == 2, let flags = reader.byte(),
                let status = reader.integer(UInt16.self), let retryAfter = reader.integer(UInt64.self),
                let reason = reader.text(), let detail = reader.text(), let headerCount = reader.byte()
            else { return nil }
            var headers: [UpstreamFailure.Header] = []
            for _ in 0..<headerCount {
                guard let name = reader.text(), let value = reader.text() else { return nil }
                headers.append(UpstreamFailure.Header(name: name, value: value))
            }
            guard let length = reader.integer(UInt32.self), let body = reader.bytes(Int(length)) else { return nil }
            attempts.append(
                UpstreamFailure(
                    class: kind == 1 ? .terminal : .transient, reason: FailureReason(rawValue: reason),
                    status: flags & 2 != 0 ? Int(status) : nil, headers: headers, body: body,
                    retryAfterMilliseconds: flags & 4 != 0 ? Int64(clamping: retryAfter) : nil,
                    mayHaveRotated: flags & 1 != 0, detail: detail))
        }
        return reader.isAtEnd ? attempts : nil
    }
}
