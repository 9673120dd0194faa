import CCurl
import Glibc

/// How long `Retry-After` asks to wait (RFC 9110 section 10.2.3).
enum RetryAfter {
    private static let longestMilliseconds = 86_400_000.0

    /// Milliseconds from `now` (seconds since 1970), from a number of seconds or an HTTP date in any of its three
    /// forms; a date that has passed is 0. `nil` for anything else; a day where it is more.
    /// Dates are read by libcurl; where there is none, such a wish is not understood.
    static func milliseconds(_ value: String, now: Int = time(nil)) -> Int64? {
        if value.utf8.allSatisfy({
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".")
        }) {
            // Fractions are not in the RFC; some gateways send them all the same.
            guard let seconds = Double(value), seconds.isFinite else { return nil }
            return Int64(min(seconds * 1000, longestMilliseconds).rounded(.up))
        }
        // A date begins with the day's name; libcurl's parser alone would take less than that.
        guard let first = value.unicodeScalars.first, first.isASCII, first.properties.isAlphabetic,
            (try? CurlLibrary.load()) != nil
        else { return nil }
        let date = unsafe ccurl_getdate(value)
        guard date >= 0 else { return nil }
        return Int64(min(Double(max(date - now, 0)) * 1000, longestMilliseconds))
    }
}
