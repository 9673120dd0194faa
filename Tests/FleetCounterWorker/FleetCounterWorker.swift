import CLinux
import FleetCounters
import Glibc
import LeaseTable
import ProcessSupport

// fleet-counter-worker DIRECTORY: does what it is told, one command a line, and says when it is done, in a line.
//
//   claim            claims a slot: "claimed", or the error
//   count N          counts N of every counter, and N milliseconds in every histogram: "counted"
//   wait TOKEN       a caller begins to wait: "waiting"
//   fork N           a child claims, counts N of every counter, waits for a token "child", says "child PID" and stays
//   fold             folds what is dead: "folded N"
@main
enum FleetCounterWorker {
    static func main() throws {
        guard let path = CommandLine.arguments.dropFirst().first else { exit(64) }
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            guard let command = words.first else { continue }
            switch command {
            case "claim":
                do throws(CounterFileError) {
                    _ = try FleetCounters.slot(in: table(path), deadline: soon())
                    say("claimed")
                } catch {
                    say("\(error)")
                }
            case "count":
                count(Int(words[1]) ?? 0, in: try FleetCounters.slot(in: table(path), deadline: soon()))
                say("counted")
            case "wait":
                _ = try FleetCounters.slot(in: table(path), deadline: soon()).beginWaiting(for: key(words[1]))
                say("waiting")
            case "fork":
                let child = clinux_fork()
                if child == 0 {
                    let slot = try FleetCounters.slot(in: table(path), deadline: soon())
                    count(Int(words[1]) ?? 0, in: slot)
                    _ = slot.beginWaiting(for: key("child"))
                    say("child \(getpid())")
                    while true { Glibc.pause() }
                }
            case "fold":
                say("folded \(try FleetCounters.foldDead(in: table(path), deadline: soon()))")
            default: say("unknown \(command)")
            }
        }
    }

    private static func count(_ times: Int, in slot: FleetSlot) {
        for _ in 0..<times {
            for counter in FleetCounter.allCases { slot.count(counter) }
            for histogram in FleetHistogram.allCases { slot.record(histogram, .milliseconds(1)) }
        }
    }

    private static func table(_ path: String) -> LeaseTable {
        do {
            return try LeaseTable(RefreshConfiguration(), in: .choose(named: path), deadline: soon())
        } catch {
            say("\(error)")
            exit(1)
        }
    }

    private static func key(_ token: String) -> RecordKey {
        let parts = KeyParts(endpoint: "https://api.example", clientID: "client", refreshToken: token)
        guard let key = try? KeyMaterial(parts) else { exit(64) }
        return key.recordKey
    }

    private static func soon() -> MonotonicInstant { .now().advanced(by: .seconds(10)) }

    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}
