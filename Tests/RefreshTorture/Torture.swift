import FoundationEssentials
import Glibc
import LeaseTable
import ProcessSupport
import RefreshClient
import SeededRandom
import StormSupport
import WorkOS

/// Runs rounds of torture, and judges each.
final class Torture {
    /// The data file must not grow beyond: live data is below 1 MB, and pages that killed readers pin come back when
    /// their slots are freed.
    static let fileBound = 24 << 20
    /// Tokens a second.
    private static let tokenRate = 30
    /// Deaths must have been seen at all of these.
    private static let points = [
        "before-sending", "before-publishing", "while-publishing", "in-transaction", "in-read", "opening", "churning",
    ]

    private let options: TortureOptions
    private let table: String
    private let emulator: EmulatorProcess
    private let control: ControlClient
    private let upstream: any Upstream
    private let herd: Herd
    private var generator: SeededGenerator
    private var seenEvents: UInt64 = 0
    private var placesUsed = 0
    private var tally = Tally()
    /// Descriptors of the master before the first round.
    private var descriptors = 0

    init(options: TortureOptions, directory: String, emulator: EmulatorProcess) throws {
        self.options = options
        self.emulator = emulator
        table = "\(directory)/table"
        control = try ControlClient(baseURL: emulator.baseURL)
        upstream = try WorkOSUpstream(
            WorkOSConfiguration(clientID: "client_torture", apiKey: "key_torture", baseURL: emulator.baseURL))
        generator = SeededGenerator(seed: options.seed ^ 0x5EED)
        herd = try Herd(options: options, emulator: emulator.pid)
        herd.directory = table
    }

    /// Runs until time and deaths are reached, at most twice the time.
    func run(progress: (Tally, Double) -> Void) throws -> Tally {
        let began = MonotonicInstant.now()
        func elapsed() -> Double { began.duration(to: .now()).milliseconds / 1_000 }
        descriptors = Self.openDescriptors
        while elapsed() < options.seconds || (herd.deaths < options.deaths && elapsed() < options.seconds * 2) {
            try round()
            progress(tally, elapsed())
        }
        try finish()
        return tally
    }

    private func round() throws {
        // With a keeper the table is never anybody's alone; without, it is made anew when everybody was killed.
        let keeper = tally.rounds % 2 == 0 ? try startKeeper() : nil
        let plan = try prepare()
        let worker = ClientWorker.Plan(
            round: plan, directory: table, upstream: upstream, notes: herd.noting, breakage: options.breakage)
        try herd.run(worker)
        try examine(sweeping: false)
        let notes = try mop(worker)
        pause(for: Times.retention + .milliseconds(200))
        try examine(sweeping: true)
        let checker = herd.lives[herd.lives.count - 1].pid
        if options.breakage == .readers { try dieReading() }
        let deadSlots = try inChild {
            TableCheck(deadSlots: TableCheck.countDeadSlots(self.table, except: checker))
        }
        if deadSlots.deadSlots > 0 {
            tally.violate(.readers, "\(deadSlots.deadSlots) reader slots still belong to the dead")
        }
        if let keeper { try herd.end(keeper) }
        try judge(plan, notes)
        try examineMaster()
    }

    private func startKeeper() throws -> Int {
        let ready = try Pipes.make()
        defer { close(ready.reading) }
        let keeper = try herd.start(.keeper) { _ in
            let configuration = Times.configuration(directory: self.table)
            let deadline = MonotonicInstant.now().advanced(by: .seconds(5))
            let table = try LeaseTable(configuration, in: .choose(named: self.table), deadline: deadline)
            _ = Pipes.write([UInt8(ascii: "\n")], to: ready.writing)
            while table.isCurrent { pause(for: .seconds(3_600)) }
        }
        close(ready.writing)
        var reader = LineReader(descriptor: ready.reading)
        guard reader.next() != nil else { throw StormError("the table could not be opened") }
        return keeper
    }

    private func prepare() throws -> RoundPlan {
        let hasGrace = tally.rounds % 3 == 1
        try control.change(
            #"{"delay_ms":\#(Int.random(in: 0...15, using: &generator)),"replay_grace_s":\#(hasGrace ? 10 : 0)}"#)
        let count = Int(Times.round.milliseconds) * Self.tokenRate / 1_000
        let tokens = try (0..<count).map { _ in try control.signIn() }
        let faults = tokens.compactMap { fault(ControlClient.hash(of: $0)) }
        try control.addFault(faults.joined(separator: ","))
        seenEvents = try control.events(after: seenEvents).last?.seq ?? seenEvents
        defer { placesUsed += tokens.count }
        return RoundPlan(
            number: tally.rounds, first: placesUsed, tokens: tokens,
            begin: MonotonicInstant.now().advanced(by: .milliseconds(10)), hasGrace: hasGrace)
    }

    /// What goes wrong with a token's first calls at the upstream; `nil` for nothing.
    private func fault(_ hash: String) -> String? {
        let delay = Int.random(in: 0...50, using: &generator)
        return switch Int.random(in: 0..<100, using: &generator) {
        case 0..<30: #"{"kind":"rotate_first","delay_ms":\#(delay),"token_hash":"\#(hash)"}"#
        case 30..<60: #"{"kind":"delay","delay_ms":\#(delay),"count":3,"token_hash":"\#(hash)"}"#
        case 60..<70: #"{"kind":"status","status":503,"delay_ms":\#(delay),"token_hash":"\#(hash)"}"#
        case 70..<78: #"{"kind":"status","status":429,"delay_ms":\#(delay / 5),"token_hash":"\#(hash)"}"#
        case 78..<80: #"{"kind":"hang","token_hash":"\#(hash)"}"#
        default: nil
        }
    }

    /// What the dead have left is asked for once more, when their leases are over: so that nothing stays but results.
    private func mop(_ plan: ClientWorker.Plan) throws -> [Note] {
        pause(for: Times.lease + .milliseconds(300))
        try herd.runAlone(.mop) { life in
            let configuration = Times.configuration(directory: plan.directory)
            let deadline = MonotonicInstant.now().advanced(by: .seconds(10))
            let table = try LeaseTable(configuration, in: .choose(named: plan.directory), deadline: deadline)
            let held = try table.leases(deadline: deadline).filter { lease in
                if case .success(let record) = lease.record { record.state == .held } else { false }
            }
            let keys = Set(held.map(\.key))
            let places = try plan.round.tokens.indices.filter {
                let parts = KeyParts(
                    endpoint: plan.upstream.endpoint, clientID: plan.upstream.clientID,
                    refreshToken: plan.round.tokens[$0])
                return keys.contains(try KeyMaterial(parts).recordKey)
            }
            for key in try TableWriter.tokens.map(TableWriter.key) where keys.contains(key.recordKey) {
                let result = try table.claim(key, as: Claim(), pipe: table.preparePipe(), deadline: deadline)
                if case .granted(let tenure) = result { try table.abandon(tenure, deadline: deadline) }
            }
            let worker = try ClientWorker(plan, life: life, seed: 0, isImmortal: true)
            worker.mop(places.map { $0 + plan.round.first })
        }
        return herd.notes
    }

    // MARK: Looking

    /// The breakage of ``Breakage/readers``.
    private func dieReading() throws {
        try herd.runAlone(.writer) { life in
            let writer = TableWriter(
                directory: self.table, life: life, seed: 0, notes: self.herd.noting, breakage: nil)
            try writer.dieReading()
        }
    }

    /// Has a new process look at the table.
    private func examine(sweeping: Bool) throws {
        let check = try inChild { TableCheck.read(self.table, sweeping: sweeping, freeingSlots: sweeping) }
        for problem in check.problems { tally.violate(.environment, problem) }
        tally.largestFile = max(tally.largestFile, check.fileSize)
        if check.fileSize > Self.fileBound { tally.violate(.space, "the data file has \(check.fileSize) bytes") }
        if !sweeping {
            tally.recordsSeen += check.records
            tally.heldLeft += check.held
            return
        }
        tally.slotsFreed += check.freedSlots
        if check.records + check.entries > 0 {
            tally.violate(
                .space,
                "\(check.records) records (\(check.held) held) and \(check.entries) index entries after retention")
        }
        // Pipes count as orphans when they are older than two leases and two calls: whole seconds.
        if check.oldestOrphan > 5 { tally.violate(.space, "a pipe is orphaned for \(check.oldestOrphan) s") }
    }

    /// Runs `body` in a process of its own, and returns what it found.
    private func inChild(_ body: @escaping () -> TableCheck) throws -> TableCheck {
        let answer = try Pipes.make()
        defer { close(answer.reading) }
        let writing = answer.writing
        try herd.runAlone(.checker) { _ in
            let line = try JSONEncoder().encode(body())
            _ = Pipes.write(Array(line) + [UInt8(ascii: "\n")], to: writing)
        }
        close(answer.writing)
        var reader = LineReader(descriptor: answer.reading)
        guard let line = reader.next() else { throw StormError("a process that only looks did not come back") }
        return try JSONDecoder().decode(TableCheck.self, from: Data(line))
    }

    private func judge(_ plan: RoundPlan, _ notes: [Note]) throws {
        let events = try control.events(after: seenEvents)
        seenEvents = events.last?.seq ?? seenEvents
        if events.contains(where: { $0.event == "gap" }) { throw StormError("the emulator has forgotten events") }
        var known = notes
        if options.breakage == .emulator { known.removeAll { $0.kind == .send && $0.life % 5 == 0 } }
        let history = RoundHistory(plan: plan, lives: herd.lives, notes: known, events: events)
        Judge(history: history).judge(into: &tally)
        tally.deaths = herd.deaths
        tally.stops = herd.lives.reduce(0) { $0 + $1.stops.count }
        tally.lockStops = history.lockStops.count
    }

    private func examineMaster() throws {
        for life in herd.lives[judgedLives...] {
            switch life.end {
            case .left(0), .signal(SIGKILL): break
            case .left(let code): tally.violate(.processes, "a \(life.kind.rawValue) left with status \(code)")
            case .signal(let number): tally.violate(.processes, "a \(life.kind.rawValue) ended by signal \(number)")
            case nil: tally.violate(.processes, "a \(life.kind.rawValue) is still there")
            }
        }
        judgedLives = herd.lives.count
        let children = (try? readSmallFile("/proc/self/task/\(getpid())/children", limit: 65_536)) ?? []
        let count = children.split(separator: UInt8(ascii: " ")).count
        if count > 1 { tally.violate(.processes, "\(count - 1) children are left, zombies or alive") }
        let open = Self.openDescriptors
        if open > descriptors { tally.violate(.processes, "\(open) descriptors are open, \(descriptors) at first") }
    }

    private static var openDescriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }

    private var judgedLives = 0

    private func finish() throws {
        // Until the last round's pipes are old enough to be swept.
        pause(for: .seconds(3))
        let check = try inChild { TableCheck.read(self.table, sweeping: true, freeingSlots: true) }
        for problem in check.problems { tally.violate(.environment, problem) }
        if check.pipes > 0 { tally.violate(.space, "\(check.pipes) pipes are left at the end") }
        // One that waited for a thread in the run queue is excused; many are not, or a deadline that nobody keeps might
        // hide behind a busy machine.
        let excused = max(1, tally.lateness.count / 100)
        if tally.laterThanQueued > excused {
            tally.violate(
                .onTime, "\(tally.laterThanQueued) of \(tally.lateness.count) callers were late while they could run")
        }
        if tally.deaths < options.deaths { tally.violate(.deaths, "\(tally.deaths) deaths, not \(options.deaths)") }
        for point in Self.points where tally.points[point] == nil {
            tally.violate(.deaths, "nobody died \(point)")
        }
    }
}
