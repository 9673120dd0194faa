/// One line of a screen: text in which colours may stand (ECMA-48 section 8.3.117, SGR), and nothing else that moves the
/// cursor.
struct ScreenLine: Hashable {
    private(set) var text: String
    /// How many columns it takes.
    private(set) var width: Int

    /// A line of text as it comes; what is no printable character becomes a question mark, so that a directory's name
    /// or a message cannot steer the terminal.
    init(plain text: String) {
        self.text = String(text.map { Self.isPrintable($0) ? $0 : "?" })
        width = self.text.count
    }

    /// A line that may have colours.
    init(coloured text: String) {
        self.text = text
        width = Self.pieces(of: text).reduce(0) { $0 + ($1.isColour ? 0 : $1.text.count) }
    }

    /// The line within so many columns, with an ellipsis where something was cut off. Colours are ended.
    func cut(to columns: Int) -> ScreenLine {
        guard width > columns else { return self }
        guard columns > 0 else { return ScreenLine(plain: "") }
        var left = columns - 1
        var text = ""
        var isColoured = false
        for piece in Self.pieces(of: self.text) {
            if piece.isColour {
                text += piece.text
                isColoured = true
            } else {
                text += piece.text.prefix(left)
                left -= min(left, piece.text.count)
            }
            if left == 0 { break }
        }
        return ScreenLine(coloured: text + (isColoured ? "\u{1b}[0m" : "") + "…")
    }

    /// The line in a colour or another rendition of SGR.
    func rendered(_ parameter: Int) -> ScreenLine {
        ScreenLine(coloured: "\u{1b}[\(parameter)m\(text)\u{1b}[0m")
    }

    /// Plain text in lines of at most so many columns, parted between words where that is possible.
    static func wrapped(_ text: String, to columns: Int) -> [ScreenLine] {
        let columns = max(1, columns)
        var lines: [ScreenLine] = []
        var line: Substring = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > columns {
                lines.append(ScreenLine(plain: String(line)))
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
            while line.count > columns {
                lines.append(ScreenLine(plain: String(line.prefix(columns))))
                line = line.dropFirst(columns)
            }
        }
        return line.isEmpty ? lines : lines + [ScreenLine(plain: String(line))]
    }

    private static func isPrintable(_ character: Character) -> Bool {
        character.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
            default: true
            }
        }
    }

    private static func pieces(of text: String) -> [(text: Substring, isColour: Bool)] {
        var pieces: [(text: Substring, isColour: Bool)] = []
        var rest = text[...]
        while let start = rest.firstIndex(of: "\u{1b}") {
            if start > rest.startIndex { pieces.append((rest[..<start], false)) }
            let end = rest[start...].firstIndex(of: "m").map { rest.index(after: $0) } ?? rest.endIndex
            pieces.append((rest[start..<end], true))
            rest = rest[end...]
        }
        if !rest.isEmpty { pieces.append((rest, false)) }
        return pieces
    }
}
