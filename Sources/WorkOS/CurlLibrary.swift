import CCurl
import ProcessSupport

/// libcurl, loaded when first needed.
package enum CurlLibrary {
    /// Loads it, once per process; about 10 ms the first time, nothing afterwards. Thread-safe, and safe in a
    /// forked child, which inherits what its parent loaded.
    package static func load() throws(WorkOSConfigurationError) {
        let reason = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) {
            buffer -> String? in
            guard let start = buffer.baseAddress else { return "no memory" }
            // A fork waits for who is loading.
            let code = Forks.letOn { unsafe ccurl_load(start, buffer.count) }
            return code == 0 ? nil : unsafe String(cString: start)
        }
        guard let reason else { return }
        throw WorkOSConfigurationError(
            code: .libcurlUnavailable,
            message: "libcurl cannot be loaded (\(reason)): install it, on Debian and Ubuntu with "
                + "`apt install libcurl4`")
    }

    /// What an error code means, in libcurl's fixed words.
    static func text(of code: CURLcode) -> String {
        unsafe String(cString: ccurl_easy_strerror(code))
    }
}
