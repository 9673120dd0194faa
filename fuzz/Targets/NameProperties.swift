import LMDB
import LeaseTable

/// Names and headers have one spelling: what is read is what would be written.
enum NameProperties {
    static func checkTableKeys(_ input: [UInt8]) throws(Finding) {
        let (lease, expiry) = unsafe input.withUnsafeBytes { bytes in
            unsafe (TableKeys.parseLease(bytes), TableKeys.parseExpiry(bytes))
        }
        if let lease { try check(TableKeys.lease(lease) == input, "a lease key has two spellings") }
        if let expiry {
            try check(TableKeys.expiry(expiry.instant, expiry.key) == input, "an expiry key has two spellings")
        }
        try check(lease == nil || expiry == nil, "a key is both")
    }

    static func checkPipeName(_ input: [UInt8]) throws(Finding) {
        guard let text = String(validating: input, as: UTF8.self), let name = WakePipeName(fileName: text)
        else { return }
        try check(name.fileName.utf8.elementsEqual(input), "a pipe's name has two spellings")
        try check(!input.contains(UInt8(ascii: "/")) && !input.contains(0), "a pipe's name leads elsewhere")
    }

    static func checkGuardHeader(_ input: [UInt8]) throws(Finding) {
        guard
            let header = unsafe input.withUnsafeBytes({ bytes in try? unsafe GuardHeader(decoding: bytes) })
        else { return }
        let first = header.encoded
        try check(first.count == GuardHeader.length, "a header of another length")
        let again = unsafe first.withUnsafeBytes { bytes in try? unsafe GuardHeader(decoding: bytes) }
        try check(again?.encoded == first, "encoding is not stable")
        // The last four bytes of the word with the number of reader slots are not read.
        try check(first[..<76] == input[..<76] && first[80...] == input[80..<GuardHeader.length], "a field is lost")
    }
}
