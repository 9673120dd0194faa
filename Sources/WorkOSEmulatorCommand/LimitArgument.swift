import ArgumentParser
import WorkOSEmulator

/// `N/SECONDS`, or `off`, as a command-line value.
struct LimitArgument: ExpressibleByArgument, CustomStringConvertible {
    /// The limit; `nil` for `off`.
    var limit: RateLimit?

    init(limit: RateLimit?) {
        self.limit = limit
    }

    init?(argument: String) {
        if argument == "off" {
            limit = nil
        } else if let limit = RateLimit(argument) {
            self.limit = limit
        } else {
            return nil
        }
    }

    var description: String { limit?.description ?? "off" }
    var defaultValueDescription: String { description }
}
