import CLinux
import Glibc
import LeaseTable
import ProcessSupport

/// One process that claims and publishes at a steady rate, and now and then reads back what it published.
struct LoadWorker {
    let number: Int
    let configuration: RefreshConfiguration
    /// Refreshes a second.
    let rate: Double
    /// Bytes of a result.
    let resultSize: Int
    let seconds: Double
    /// Where the counts go at the end.
    let reports: Int32

    /// What a worker did; sent as text.
    struct Counts {
        var published = 0
        var refused = 0
        var readBack = 0
        var lost = 0
        var failures = 0

        var text: String { "\(published) \(refused) \(readBack) \(lost) \(failures)\n" }

        init() {}

        init?(text: String) {
            let numbers = text.split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 5 else { return nil }
            published = numbers[0]
            refused = numbers[1]
            readBack = numbers[2]
            lost = numbers[3]
            failures = numbers[4]
        }

        static func += (left: inout Counts, right: Counts) {
            left.published += right.published
            left.refused += right.refused
            left.readBack += right.readBack
            left.lost += right.lost
            left.failures += right.failures
        }
    }

    /// Never returns: the child of a fork.
    func run() -> Never {
        let counts = work()
        let bytes = Array(counts.text.utf8)
        _ = write(reports, bytes, bytes.count)
        // Nothing that was printed is flushed by _exit.
        fflush(nil)
        _exit(0)
    }

    private func work() -> Counts {
        var counts = Counts()
        let directory = TableDirectory.choose(named: configuration.directory)
        guard let table = try? LeaseTable(configuration, in: directory, deadline: soon) else {
            counts.failures += 1
            return counts
        }
        let began = MonotonicInstant.now()
        let interval = 1_000_000_000 / rate
        var published: [(key: KeyMaterial, at: MonotonicInstant, index: Int)] = []
        // Read back with a margin, so that none expires between the choice and the look.
        let readable = configuration.resultRetention * 0.8
        var random = SystemRandomNumberGenerator()
        for index in 0..<Int(rate * seconds) {
            let due = began.advanced(by: .nanoseconds(Int64(Double(index) * interval)))
            pause(for: MonotonicInstant.now().duration(to: due))
            do {
                let key = try self.key(index)
                let pipe = try table.preparePipe()
                guard case .granted(let tenure) = try table.claim(key, as: Claim(), pipe: pipe, deadline: soon)
                else {
                    counts.failures += 1
                    continue
                }
                _ = try table.publish(tenure, result: payload(index), deadline: soon)
                counts.published += 1
                if index % 7 == 0 { published.append((key, .now(), index)) }
            } catch let error as LeaseTableError where error.isLackOfSpace {
                counts.refused += 1
            } catch {
                if counts.failures == 0 { print("worker \(number): \(error)") }
                counts.failures += 1
            }
            if index % 50 == 0 {
                let horizon = MonotonicInstant.now().advanced(by: .zero - readable)
                published.removeFirst(published.prefix { $0.at < horizon }.count)
                if let sample = published.randomElement(using: &random) {
                    counts.readBack += 1
                    if !isStored(sample.key, sample.index, in: table) { counts.lost += 1 }
                }
            }
        }
        return counts
    }

    private var soon: MonotonicInstant { MonotonicInstant.now().advanced(by: .seconds(5)) }

    private func key(_ index: Int) throws -> KeyMaterial {
        try KeyMaterial(
            KeyParts(endpoint: "https://upstream.test", clientID: "client", refreshToken: "load-\(number)-\(index)"))
    }

    private func payload(_ index: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: resultSize)
    }

    private func isStored(_ key: KeyMaterial, _ index: Int, in table: LeaseTable) -> Bool {
        guard case .hit(let sealed)? = try? table.look(at: key, as: Claim(), deadline: soon) else { return false }
        return (try? SealedOutcome.open(sealed, key: key)) == payload(index)
    }
}
