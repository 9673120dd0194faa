import Foundation

/// What came of the cases of one kind.
struct Tally: CustomStringConvertible {
    private(set) var cases = 0
    private(set) var kept = 0
    private(set) var partly = 0
    private(set) var anew = 0
    private(set) var refused = 0
    private(set) var broken: [String] = []

    /// Counts a case; `name` says which, should it be a bad one.
    mutating func add(_ name: String, _ worker: Worker, results: Int) {
        cases += 1
        if !worker.isClean {
            broken.append("\(name): \(worker)")
        } else if !worker.hasNoError {
            refused += 1
        } else {
            let stored = worker.count("first")
            if stored == results { kept += 1 } else if stored > 0 { partly += 1 } else { anew += 1 }
        }
    }

    var description: String {
        "\(cases) cases: \(kept) kept every result, \(partly) some, \(anew) began anew, \(refused) refused, "
            + "\(broken.count) broken"
    }
}
