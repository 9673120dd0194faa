/// A page in the text format of Prometheus, version 0.0.4.
struct PrometheusPage {
    static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""
    private var name = ""

    /// What a family's numbers are.
    enum Kind: String {
        case counter, gauge, histogram
    }

    /// Begins a family.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds a number to it. Labels and their values are names of ours: nothing in them needs escaping.
    mutating func sample(_ value: some CustomStringConvertible, label: (String, String)? = nil, suffix: String = "") {
        text += "\(name)\(suffix)\(label.map { "{\($0.0)=\"\($0.1)\"}" } ?? "") \(value)\n"
    }

    /// A family of one number.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: some CustomStringConvertible) {
        family(name, kind, help)
        sample(value)
    }

    /// A histogram's numbers. `buckets` are not cumulative; there is one more than bounds.
    mutating func histogram(bounds: [Double], buckets: [UInt64], sum: Double) {
        var count: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            count = count &+ bucket
            let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
            sample(count, label: ("le", bound), suffix: "_bucket")
        }
        sample(sum, suffix: "_sum")
        sample(count, suffix: "_count")
    }
}
