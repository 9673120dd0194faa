import CLinux
import CProcessTesting
import Glibc
import LMDB
import LeaseTable
import ProcessSupport
import RefreshClient
import StormSupport
import WorkOS

/// Processes that do, step by step, what a scenario tells them, and note what they see.
final class Stage {
    /// A process on the stage.
    struct Actor {
        var pid: pid_t
        var orders: Int32
        var number: Int
    }

    let directory: String
    let control: ControlClient
    private let upstream: any Upstream
    private let reports: (reading: Int32, writing: Int32)
    private var reader: LineReader
    private var actors: [Actor] = []
    private var tokens: [String] = []
    /// What has been noted so far.
    private(set) var notes: [Note] = []

    init(directory: String, emulator: EmulatorProcess) throws {
        self.directory = directory
        control = try ControlClient(baseURL: emulator.baseURL)
        upstream = try WorkOSUpstream(
            WorkOSConfiguration(clientID: "client_torture", apiKey: "key_torture", baseURL: emulator.baseURL))
        reports = try Pipes.make()
        reader = LineReader(descriptor: reports.reading)
    }

    /// Times as in torture, but results stay.
    var configuration: RefreshConfiguration {
        var configuration = Times.configuration(directory: directory)
        configuration.resultRetention = .seconds(60)
        return configuration
    }

    /// A new token, by its number.
    func newToken() throws -> Int {
        tokens.append(try control.signIn())
        return tokens.count - 1
    }

    /// How many calls with a token have come to the upstream.
    func arrivals(of token: Int) throws -> Int { try control.refreshCalls(of: tokens[token]) }

    /// The name of a token's record.
    func recordKey(of token: Int) throws -> RecordKey {
        try KeyMaterial(
            KeyParts(endpoint: upstream.endpoint, clientID: upstream.clientID, refreshToken: tokens[token])
        ).recordKey
    }

    // MARK: Actors

    /// Forks a process that carries out orders: see ``order(_:_:)``. It opens nothing before the first.
    func enter() throws -> Actor {
        let orders = try Pipes.make()
        let actor = try fork(orders: orders.writing) { number in
            close(orders.writing)
            var input = LineReader(descriptor: orders.reading)
            while let line = input.next() {
                let words = String(decoding: line, as: UTF8.self).split(separator: " ")
                guard words.count == 3, let token = Int(words[0]), let callers = Int(words[1]),
                    let patience = Int(words[2])
                else { _exit(65) }
                try self.play(number, token: token, callers: callers, patience: .milliseconds(patience))
            }
        }
        close(orders.reading)
        return actor
    }

    /// Forks a process that does one thing.
    func enter(_ body: @escaping (Int) throws -> Void) throws -> Actor {
        try fork(orders: -1, body)
    }

    private func fork(orders: Int32, _ body: (Int) throws -> Void) throws -> Actor {
        let number = actors.count
        let pid = clinux_fork()
        guard pid >= 0 else { throw SystemCallError("fork") }
        if pid == 0 {
            for actor in actors where actor.orders >= 0 { close(actor.orders) }
            do {
                try body(number)
                _exit(0)
            } catch {
                FileOutput.standardError("actor \(number): \(error)\n")
                _exit(70)
            }
        }
        actors.append(Actor(pid: pid, orders: orders, number: number))
        return actors[number]
    }

    /// Has an actor's threads ask for a token, all at once, each for `patience` milliseconds at the most.
    func order(_ actor: Actor, token: Int, callers: Int, patience: Int) throws {
        guard Pipes.write(Array("\(token) \(callers) \(patience)\n".utf8), to: actor.orders) else {
            throw StormError("actor \(actor.number) has gone")
        }
    }

    private func play(_ number: Int, token: Int, callers: Int, patience: Duration) throws {
        let client = try RefreshClient(upstream: upstream, configuration: configuration)
        let control = try DeadlineControl()
        let (secret, writing) = (tokens[token], reports.writing)
        for caller in 0..<callers {
            try LibraryThread.start {
                let begin = Note(
                    .begin, life: number, id: caller, token: token,
                    other: MonotonicInstant.now().advanced(by: patience).nanoseconds)
                begin.write(to: writing)
                Self.call(client, secret, begin, control).write(to: writing)
            }
        }
    }

    /// Makes the call that `begin` announces, and notes how it ended.
    private static func call(
        _ client: RefreshClient, _ token: String, _ begin: Note, _ control: DeadlineControl
    ) -> Note {
        let deadline = MonotonicInstant(nanoseconds: begin.other)
        control.watch(begin.id, deadline)
        let before = RunQueue.read()
        let began = MonotonicInstant.now()
        let (outcome, digest) = refresh(client, token, patience: began.duration(to: deadline))
        let end = MonotonicInstant.now()
        let after = RunQueue.read()
        let compared = control.finish(begin.id, end: end)
        var note = Note(
            .end, life: begin.life, id: begin.id, token: begin.token,
            other: max(compared.woken, began.nanoseconds), outcome: outcome, digest: digest)
        note.time = end.nanoseconds
        note.queued = after.queued - before.queued
        note.ran = after.ran - before.ran
        note.othersQueued = compared.othersQueued
        return note
    }

    private static func refresh(
        _ client: RefreshClient, _ token: String, patience: Duration
    ) -> (outcome: String, digest: String) {
        do throws(TokenRefreshError) {
            let result = try client.refresh(RefreshRequest(refreshToken: token), deadline: patience)
            return ("success", MortalUpstream.digest(of: result.body))
        } catch {
            return (error.code == .deadlineExceeded ? "deadline" : "\(error.code)/\(error.reason.rawValue)", "-")
        }
    }

    /// One call on the calling process's only thread, noted when it is over.
    func callAlone(_ number: Int, token: Int, patience: Duration) throws {
        let client = try RefreshClient(upstream: upstream, configuration: configuration)
        let (outcome, digest) = Self.refresh(client, tokens[token], patience: patience)
        Note(.end, life: number, token: token, outcome: outcome, digest: digest).write(to: reports.writing)
    }

    /// Opens the environment, and stops inside its write transaction; goes on without having written.
    func stopWriting(_ number: Int) throws {
        let deadline = MonotonicInstant.now().advanced(by: .seconds(5))
        let environment = try open(deadline: deadline)
        let writing = reports.writing
        try environment.write(until: deadline) { _ throws(EnvironmentError) -> Environment.Ending<Void> in
            Note(.lock, life: number).write(to: writing)
            kill(getpid(), SIGSTOP)
            return .abort(())
        }
    }

    /// Opens the environment as a client would.
    func open(deadline: MonotonicInstant) throws -> Environment {
        let configuration = configuration
        return try Environment.open(
            EnvironmentOptions(
                path: directory, role: .participant, mapSize: configuration.mapSize,
                readerSlots: configuration.readerSlots, readersPerProcess: configuration.readersPerProcess),
            deadline: deadline)
    }

    // MARK: Waiting

    /// Waits until `actor` has stopped itself.
    func awaitStop(_ actor: Actor) throws {
        var status: Int32 = 0
        guard waitpid(actor.pid, &status, WUNTRACED) == actor.pid, status & 0xFF == 0x7F else {
            throw StormError("actor \(actor.number) did not stop")
        }
    }

    /// Waits until `actor` has ended, and returns its exit status.
    func awaitEnd(_ actor: Actor) -> Int32 {
        var status: Int32 = 0
        waitpid(actor.pid, &status, 0)
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : -1
    }

    /// Waits for the ends of `count` calls, and takes everything noted until then.
    func collect(_ count: Int) throws -> [RoundHistory.Call] {
        let giveUp = MonotonicInstant.now().advanced(by: .seconds(20))
        while notes.count(where: { $0.kind == .end }) < count {
            let left = MonotonicInstant.now().duration(to: giveUp)
            guard left > .zero, clinux_poll_readable(reports.reading, left.wholeNanoseconds) > 0 else {
                throw StormError("\(count) callers were to have an answer, and have not")
            }
            notes += reader.available().compactMap { Note(line: $0) }
        }
        defer { notes = [] }
        return notes.filter { $0.kind == .end }.map { end in
            let begin = notes.first {
                $0.kind == .begin && $0.life == end.life && $0.id == end.id && $0.token == end.token
            }
            return RoundHistory.Call(
                life: end.life, token: end.token, begin: begin?.time ?? end.time, deadline: begin?.other ?? .max,
                end: end)
        }
    }

    /// Lets everybody go.
    func clear() {
        for actor in actors {
            if actor.orders >= 0 { close(actor.orders) }
            kill(actor.pid, SIGKILL)
            kill(actor.pid, SIGCONT)
            _ = awaitEnd(actor)
        }
        actors = []
        close(reports.reading)
        close(reports.writing)
    }
}
