/// What happened in a schedule, line by line, where somebody wants to read it.
struct Trace {
    let isOn: Bool
    private(set) var lines: [String] = []

    init(isOn: Bool) {
        self.isOn = isOn
    }

    mutating func add(_ line: String) {
        lines.append(line)
    }
}
