/// A key that was pressed.
enum WatchKey: Hashable {
    case character(Character)
    case up, down, pageUp, pageDown, home, end
}

/// Tells keys apart in what a terminal sends.
///
/// Keys without a character send a sequence that begins with escape (ECMA-48 section 5.4, and SS3, which xterm sends for
/// arrows in one of its modes): it may come in pieces, and no part of it may pass for a character.
struct WatchKeyDecoder {
    private enum Place {
        case text
        case escape
        /// In a control sequence, with what has come of it.
        case sequence([UInt8])
        /// Before the one character that SS3 is followed by.
        case shifted
    }

    private var place = Place.text

    /// The keys that are complete with `bytes`.
    mutating func keys(_ bytes: some Sequence<UInt8>) -> [WatchKey] {
        var keys: [WatchKey] = []
        for byte in bytes {
            if let key = take(byte) { keys.append(key) }
        }
        // The escape key alone sends nothing more.
        if case .escape = place { place = .text }
        return keys
    }

    private mutating func take(_ byte: UInt8) -> WatchKey? {
        let isEscape = byte == 0x1b
        switch place {
        case .text:
            if isEscape { place = .escape }
            return (0x20..<0x7f).contains(byte) ? .character(Character(Unicode.Scalar(byte))) : nil
        case .escape:
            switch byte {
            case UInt8(ascii: "["): place = .sequence([])
            case UInt8(ascii: "O"): place = .shifted
            // Escape twice; or a character with the Alt key, which is no command.
            default: place = isEscape ? .escape : .text
            }
            return nil
        case .shifted:
            place = isEscape ? .escape : .text
            return Self.key(final: byte, parameters: [])
        case .sequence(let parameters):
            switch byte {
            case 0x20...0x3f:
                // Longer than any key's: what comes of it is thrown away.
                place = .sequence(parameters.count < 16 ? parameters + [byte] : parameters)
                return nil
            case 0x40...0x7e:
                place = .text
                return Self.key(final: byte, parameters: parameters)
            default:
                place = isEscape ? .escape : .text
                return nil
            }
        }
    }

    private static func key(final: UInt8, parameters: [UInt8]) -> WatchKey? {
        switch (final, String(decoding: parameters, as: UTF8.self)) {
        case (UInt8(ascii: "A"), ""): .up
        case (UInt8(ascii: "B"), ""): .down
        case (UInt8(ascii: "H"), ""), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): .home
        case (UInt8(ascii: "F"), ""), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): .end
        case (UInt8(ascii: "~"), "5"): .pageUp
        case (UInt8(ascii: "~"), "6"): .pageDown
        default: nil
        }
    }
}
