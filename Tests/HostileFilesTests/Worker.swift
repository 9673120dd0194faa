import TableTestSupport

/// One run of hostile-files-worker: a process of its own, since some of what it meets could end it.
struct Worker: CustomStringConvertible {
    let status: Int32
    let lines: [String]
    let errors: String

    static func run(
        _ directory: String, prefix: String, count: Int, deadline milliseconds: Int = 2000, extra: Int = 0
    ) throws -> Worker {
        try Worker(
            Program.run(
                "hostile-files-worker", [directory, prefix, "\(count)", "\(milliseconds)", "\(extra)"],
                environment: ["SWIFT_BACKTRACE": "enable=no"]))
    }

    static func tamper(_ directory: String, _ arguments: [String]) throws {
        let ending = try Program.run("hostile-files-worker", ["tamper", directory] + arguments)
        if ending.status != 0 { throw Problem("tampering failed: \(ending)") }
    }

    private init(_ ending: Program.Ending) {
        status = ending.status
        lines = ending.output.split(separator: "\n").map(String.init)
        errors = ending.errors
    }

    /// Whether it ended by itself, in time, and gave nobody a wrong token.
    var isClean: Bool {
        status == 0 && !lines.contains("WRONG") && !lines.contains { $0.hasPrefix("late") }
    }

    /// Whether nothing but stored and new results came.
    var hasNoError: Bool { !lines.contains { $0.hasPrefix("error") } }

    func count(_ line: String) -> Int { lines.count { $0 == line } }

    var description: String { "status \(status), \(Set(lines).sorted()), \(errors.prefix(300))" }
}
