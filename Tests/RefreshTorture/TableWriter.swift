import Glibc
import LMDB
import LeaseTable
import ProcessSupport
import SeededRandom
import StormSupport

/// A process that uses the table without a client, and dies in it: inside a write transaction that has changed other
/// keys' records, inside a read, while it opens, and anywhere in a burst of claims and publications.
struct TableWriter {
    let directory: String
    let life: Int
    let notes: Int32
    let breakage: Breakage?
    private var generator: SeededGenerator

    /// The records that writers of all lives fight over.
    static let tokens = (0..<16).map { "writer-\($0)" }
    static let endpoint = "rig://writers"

    init(directory: String, life: Int, seed: UInt64, notes: Int32, breakage: Breakage?) {
        self.directory = directory
        self.life = life
        self.notes = notes
        self.breakage = breakage
        generator = SeededGenerator(seed: seed)
    }

    private var deadline: MonotonicInstant { MonotonicInstant.now().advanced(by: .seconds(2)) }

    private var configuration: RefreshConfiguration { Times.configuration(directory: directory) }

    /// Lives and dies. What it could not do in time, since somebody stopped has the lock, is no error.
    mutating func run() throws {
        let draw = Int.random(in: 0..<100, using: &generator)
        do {
            switch draw {
            case 0..<30: try dieWriting()
            case 30..<40: try dieReading()
            case 40..<60:
                arm("opening", microseconds: 0...2_500)
                try churn()
            case 60..<61: try stopWriting()
            default:
                arm("churning", microseconds: 500...12_000)
                try churn()
            }
        } catch let error as LeaseTableError where error.isTimeout {
        } catch let error as EnvironmentError {
            guard case .timedOut = error else { throw error }
        }
    }

    private mutating func arm(_ point: String, microseconds: ClosedRange<Int>) {
        let moment = Int.random(in: microseconds, using: &generator)
        Suicide.arm(after: .microseconds(moment), life: life, point: point, notes: notes)
    }

    private func open() throws -> Environment {
        let configuration = configuration
        return try Environment.open(
            EnvironmentOptions(
                path: directory, role: .participant, mapSize: configuration.mapSize,
                readerSlots: configuration.readerSlots, readersPerProcess: configuration.readersPerProcess),
            deadline: deadline)
    }

    /// Overwrites what others have stored, and dies before the commit: nobody may ever see it.
    private func dieWriting() throws {
        let (life, notes, breakage) = (life, notes, breakage)
        try open().write(until: deadline) { transaction throws(EnvironmentError) -> Environment.Ending<Void> in
            var keys: [[UInt8]] = []
            try transaction.forEach(from: [0]) { key, _ in
                keys.append(Array(key))
                return keys.count < 64
            }
            for (index, key) in keys.enumerated() {
                if index % 2 == 0 { try transaction.delete(key) } else { try transaction.put(key, Self.garbage) }
            }
            try transaction.put(Array("L\(life)".utf8), Self.garbage)
            if breakage == .environment, life % 16 == 0 { return .commit(()) }
            Suicide.now(life: life, point: "in-transaction", notes: notes)
            return .abort(())
        }
    }

    func dieReading() throws {
        let (life, notes) = (life, notes)
        try open().read(until: deadline) { _ throws(EnvironmentError) in
            Suicide.now(life: life, point: "in-read", notes: notes)
        }
    }

    /// Stops inside the write transaction, until the master continues it.
    private func stopWriting() throws {
        let (life, notes) = (life, notes)
        try open().write(until: deadline) { transaction throws(EnvironmentError) -> Environment.Ending<Void> in
            try transaction.put(Array("L\(life)".utf8), Self.garbage)
            Note(.lock, life: life).write(to: notes)
            kill(getpid(), SIGSTOP)
            return .abort(())
        }
    }

    /// Claims, and ends leases in every way, as fast as it can.
    private mutating func churn() throws {
        let table = try LeaseTable(configuration, in: .choose(named: directory), deadline: deadline)
        while true {
            let token = Self.tokens.randomElement(using: &generator) ?? ""
            let key = try Self.key(token)
            switch try table.claim(key, as: Claim(), pipe: table.preparePipe(), deadline: deadline) {
            case .decided: break
            case .granted(let tenure):
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: try table.abandon(tenure, deadline: deadline)
                case 1:
                    _ = try table.fail(
                        tenure, kind: .transientFailure, failure: Self.garbage, notBefore: nil, deadline: deadline)
                case 2:
                    _ = try table.renew(
                        tenure, until: BootInstant.now().advanced(by: .milliseconds(700)), notBefore: nil,
                        deadline: deadline)
                default: _ = try table.publish(tenure, result: Self.garbage, deadline: deadline)
                }
            }
            // Not faster than a busy machine can bear: it is to be killed in writes, not to keep others from theirs.
            ProcessSupport.pause(for: .microseconds(Int.random(in: 0...300, using: &generator)))
        }
    }

    static func key(_ token: String) throws -> KeyMaterial {
        try KeyMaterial(KeyParts(endpoint: endpoint, clientID: "rig", refreshToken: token))
    }

    private static let garbage = [UInt8](repeating: 0xA5, count: 2_500)
}
