import ProcessSupport

extension Duration {
    /// The duration in at most seven characters, cut off, never rounded up: `250ms`, `1.2s`, `3m05s`, `2h05m`, `3d04h`; a
    /// minus before it where it is negative.
    var brief: String {
        let milliseconds = wholeMilliseconds
        return (milliseconds < 0 ? "-" : "") + Self.brief(milliseconds.magnitude)
    }

    private static func brief(_ milliseconds: UInt64) -> String {
        let seconds = milliseconds / 1000
        switch seconds {
        case 0: return "\(milliseconds)ms"
        case ..<60: return "\(seconds).\(milliseconds % 1000 / 100)s"
        case ..<3600: return "\(seconds / 60)m\(twoDigits(seconds % 60))s"
        case ..<86_400: return "\(seconds / 3600)h\(twoDigits(seconds % 3600 / 60))m"
        default: return "\(seconds / 86_400)d\(twoDigits(seconds % 86_400 / 3600))h"
        }
    }

    private static func twoDigits(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
