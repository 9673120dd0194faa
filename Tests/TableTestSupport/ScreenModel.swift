/// What a terminal shows of the bytes it gets: the part of ECMA-48 and of xterm's modes that a screen of ours uses. What
/// it does not know it keeps in ``unknown``.
public final class ScreenModel {
    /// Private modes (DECSET) that are set.
    public private(set) var modes: Set<Int> = [7, 25]
    /// How many frames have been drawn: between two marks of mode 2026.
    public private(set) var frames = 0
    /// Sequences that it does not know.
    public private(set) var unknown: [String] = []
    /// Whether a line feed came in the last line.
    public private(set) var hasScrolled = false
    /// Whether a character came after the last column, with wrapping on.
    public private(set) var hasWrapped = false
    /// How often the whole screen was cleared, or the rest of it: what is seen as flicker. Not counting the change to
    /// the alternate screen.
    public private(set) var clears = 0
    /// How often a colour was set.
    public private(set) var colours = 0
    /// Characters that were drawn outside the marks of mode 2026.
    public private(set) var unframed = ""

    private var columns: Int
    private var grid: [[Character]]
    private var main: [[Character]] = []
    private var line = 0
    private var column = 0
    private var pending: [UInt8] = []

    /// An empty screen.
    public init(columns: Int, lines: Int) {
        self.columns = columns
        grid = Self.empty(columns, lines)
    }

    /// Its lines, with blanks to their ends.
    public var text: [String] { grid.map { String($0) } }

    /// Its lines, without blanks at their ends.
    public var lines: [String] {
        text.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
    }

    /// Whether the alternate screen is shown.
    public var isAlternate: Bool { modes.contains(1049) }

    /// Changes its size, as a terminal that leaves everything to the program: what does not fit is gone, and nothing
    /// else moves.
    public func resize(columns: Int, lines: Int) {
        self.columns = columns
        grid = (0..<lines).map { row in
            let old = row < grid.count ? grid[row] : []
            return (0..<columns).map { $0 < old.count ? old[$0] : " " }
        }
        line = min(line, lines - 1)
        column = min(column, columns)
    }

    /// Takes bytes as they come; characters and sequences may be in two pieces.
    public func take(_ bytes: [UInt8]) {
        pending += bytes
        var index = 0
        while index < pending.count, let length = unit(at: index) { index += length }
        pending.removeFirst(index)
    }

    /// Deals with the next character or sequence; `nil` where it is not whole yet.
    private func unit(at index: Int) -> Int? {
        let byte = pending[index]
        switch byte {
        case 0x1b: return sequence(at: index)
        case 0x0d: column = 0
        case 0x0a:
            if line == grid.count - 1 { hasScrolled = true } else { line += 1 }
        case 0..<0x20, 0x7f: unknown.append("\(byte)")
        default:
            let length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
            guard index + length <= pending.count else { return nil }
            for character in String(decoding: pending[index..<(index + length)], as: UTF8.self) { put(character) }
            return length
        }
        return 1
    }

    private func put(_ character: Character) {
        if column == columns {
            if modes.contains(7) { hasWrapped = true }
            column -= 1
        }
        if !modes.contains(2026) { unframed.append(character) }
        grid[line][column] = character
        column += 1
    }

    private func sequence(at index: Int) -> Int? {
        guard index + 1 < pending.count else { return nil }
        guard pending[index + 1] == UInt8(ascii: "[") else {
            unknown.append("\u{1b}" + String(Unicode.Scalar(pending[index + 1])))
            return 2
        }
        guard let end = pending[(index + 2)...].firstIndex(where: { (0x40...0x7e).contains($0) }) else { return nil }
        let parameters = String(decoding: pending[(index + 2)..<end], as: UTF8.self)
        switch (Character(Unicode.Scalar(pending[end])), parameters) {
        case ("H", ""): (line, column) = (0, 0)
        case ("K", ""):
            // In a full line the cursor stands on the last character.
            for place in min(column, columns - 1)..<columns { grid[line][place] = " " }
        case ("J", _):
            clears += 1
            grid = Self.empty(columns, grid.count)
        case ("m", _): colours += parameters == "0" ? 0 : 1
        case ("h", _) where parameters.hasPrefix("?"): set(parameters, true)
        case ("l", _) where parameters.hasPrefix("?"): set(parameters, false)
        default: unknown.append(String(decoding: pending[index...end], as: UTF8.self))
        }
        return end - index + 1
    }

    private func set(_ parameters: String, _ isOn: Bool) {
        guard let mode = Int(parameters.dropFirst()) else { return unknown.append(parameters) }
        let wasOn = modes.contains(mode)
        if isOn { modes.insert(mode) } else { modes.remove(mode) }
        switch mode {
        case 1049 where isOn && !wasOn:
            main = grid
            grid = Self.empty(columns, grid.count)
        case 1049 where !isOn && wasOn: grid = main
        case 2026 where wasOn && !isOn: frames += 1
        case 7, 25, 1049, 2026: break
        default: unknown.append(parameters)
        }
    }

    private static func empty(_ columns: Int, _ lines: Int) -> [[Character]] {
        [[Character]](repeating: [Character](repeating: " ", count: columns), count: lines)
    }
}
