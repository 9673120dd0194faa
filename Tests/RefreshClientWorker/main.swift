// A worker process that does what it is told, one command a line, and says what happens, one event a line.
//
//   client KEY=VALUE…         dir, lease, timeout, deadline (ms), poll, alone (yes or no), map (bytes)
//   refresh ID TOKEN [MS]     on a thread: "done ID ok BODY" or "done ID CODE REASON"
//   answer ok NAME | grant | busy MS | error     what the oldest call that waits for an answer gets
//   open                      answers every call, here and in forked children, with a name of its own
//   fork N TOKEN              N children that refresh at once: "done child ok BODY", then "forked N" from the parent
//   deep N TOKEN              the same, each child a child of the one before
//   race TOKEN US             a thread that refreshes, and after so many microseconds a child that does the same with
//                             another: "done child …" or "hung child", then "done thread …", then "raced"
//   inherit TOKEN             a lease, in the hands of a child: "inherited CODE" for each thing it tries, then "forked 1"
//   idle                      a child that waits to be ended: "idle PID"
//   exec                      another program that does: "idle PID"
//   lock                      stays inside a write transaction: "locked"
//   usage                     "usage CPU_MS DESCRIPTORS"
//
// Each call to the upstream is an event: "called PID".
import CLinux
import Glibc
import LMDB
import LeaseTable
import Logging
import ProcessSupport
import RefreshClient

func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

// Readable, in every process forked from this one, once calls are to be answered by themselves.
var gate: [Int32] = [-1, -1]
_ = pipe(&gate)
let gateReadEnd = gate[0]

final class Answers: @unchecked Sendable {
    private let mutex = TimedMutex()
    private let changed: TimedMutex.Condition
    private var waiting: [UpstreamAnswer] = []

    init() { changed = TimedMutex.Condition(of: mutex) }

    func add(_ answer: UpstreamAnswer) {
        mutex.withLock { waiting.append(answer) }
        changed.broadcast()
    }

    func take() -> UpstreamAnswer? { mutex.withLock { waiting.isEmpty ? nil : waiting.removeFirst() } }

    func wait(_ duration: Duration) {
        mutex.withLock { _ = waiting.isEmpty && changed.wait(until: .now().advanced(by: duration)) }
    }
}

struct CommandedUpstream: Upstream {
    let endpoint = "https://upstream.test"
    let clientID = "client_test"
    let answers: Answers
    let owner = getpid()

    func attempt(_ request: UpstreamRequest, timeout: Duration) -> UpstreamAnswer {
        say("called \(getpid())")
        let parent = getppid()
        while true {
            // A forked child has no use of its parent's queue, whose lock may be held for ever.
            if owner == getpid() {
                if let answer = answers.take() { return answer }
                if clinux_poll_readable(gateReadEnd, 0) != 0 { break }
                answers.wait(.milliseconds(2))
            } else if clinux_poll_readable(gateReadEnd, 10_000_000) != 0 || getppid() != parent {
                // An orphan answers by itself: nobody is left to open its gate.
                break
            }
        }
        return Self.ownAnswer()
    }

    static func ownAnswer() -> UpstreamAnswer {
        var random = SystemRandomNumberGenerator()
        return .success(body("at_\(getpid())_\(random.next() as UInt32)"))
    }
}

func body(_ name: String) -> UpstreamSuccess {
    UpstreamSuccess(body: Array("{\"access_token\":\"\(name)\"}".utf8), requestID: "req")
}

func refresh(_ client: RefreshClient, _ id: String, _ token: String, deadline: Duration?) {
    do throws(TokenRefreshError) {
        let result = try client.refresh(
            RefreshRequest(refreshToken: token, context: RefreshContext(sessionID: id)), deadline: deadline)
        say("done \(id) ok \(String(decoding: result.body, as: UTF8.self))")
    } catch {
        say("done \(id) \(error.code) \(error.reason.rawValue)")
    }
}

/// A child, ended after so many seconds where it hangs.
func child(limit: UInt32 = 25, _ run: () -> Void) -> pid_t {
    let pid = clinux_fork()
    if pid == 0 {
        alarm(limit)
        run()
        _exit(0)
    }
    return pid
}

func reap(_ pid: pid_t) {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
}

func deepen(_ depth: Int, _ client: RefreshClient, _ token: String) {
    refresh(client, "child", token, deadline: nil)
    if depth > 1 { reap(child { deepen(depth - 1, client, token) }) }
}

func useInherited(_ held: HeldLease) {
    let busy = UpstreamFailure(
        class: .transient, reason: .rateLimitExceeded, status: 429, retryAfterMilliseconds: 2000, detail: "busy")
    held.abandon()
    let attempts: [() throws -> Any] = [
        { try held.maySend() }, { try held.renew(for: .seconds(60)) }, { try held.fail(busy, mayRetry: true) },
        { try held.publish(body("at_child")) },
    ]
    for attempt in attempts {
        do {
            _ = try attempt()
            say("inherited nothing")
        } catch {
            say("inherited \((error as? TokenRefreshError).map { "\($0.code)" } ?? "-")")
        }
    }
}

func usage() -> String {
    var used = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &used)
    let milliseconds =
        (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000
        + (Int(used.ru_utime.tv_usec) + Int(used.ru_stime.tv_usec)) / 1000
    var descriptors = 0
    for descriptor in Int32(0)..<1024 where fcntl(descriptor, F_GETFD) >= 0 { descriptors += 1 }
    return "usage \(milliseconds) \(descriptors)"
}

let answers = Answers()
let upstream = CommandedUpstream(answers: answers)
var configuration = RefreshConfiguration()
configuration.logger = Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }
var made: RefreshClient?
// This program's own types are made before it forks: the library answers for its own alone.
answers.add(CommandedUpstream.ownAnswer())
_ = answers.take()
_ = clinux_poll_readable(gateReadEnd, 0)

while let line = readLine() {
    let words = line.split(separator: " ").map(String.init)
    guard let command = words.first else { continue }
    switch command {
    case "client":
        for word in words.dropFirst() {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            let milliseconds = Duration.milliseconds(Int(pair[1]) ?? 0)
            switch pair[0] {
            case "dir": configuration.directory = pair[1]
            case "lease": configuration.lease = milliseconds
            case "timeout": configuration.requestTimeout = milliseconds
            case "deadline": configuration.callerDeadline = milliseconds
            case "poll": if pair[1] == "yes" { configuration.waitStrategy = .poll }
            case "alone": if pair[1] == "no" { configuration.whenCoordinationFails = .fail }
            case "map": configuration.mapSize = Int(pair[1]) ?? 0
            default: say("unknown \(pair[0])")
            }
        }
        configuration.publishReserve = configuration.mapSize / 16
        configuration.shortestRetryPause = .milliseconds(50)
        made = try RefreshClient(upstream: upstream, configuration: configuration)
        say("ready \(getpid())")
    case "refresh":
        guard let client = made else { continue }
        let deadline = words.count > 3 ? Int(words[3]).map { Duration.milliseconds($0) } : nil
        try LibraryThread.start { refresh(client, words[1], words[2], deadline: deadline) }
    case "answer":
        switch words[1] {
        case "ok": answers.add(.success(body(words[2])))
        case "grant":
            answers.add(
                .failure(
                    UpstreamFailure(class: .terminal, reason: .invalidGrant, status: 400, detail: "refused")))
        case "busy":
            answers.add(
                .failure(
                    UpstreamFailure(
                        class: .transient, reason: .rateLimitExceeded, status: 429,
                        retryAfterMilliseconds: Int64(words[2]), detail: "busy")))
        default:
            answers.add(
                .failure(
                    UpstreamFailure(class: .transient, reason: .serverError, status: 500, detail: "broken")))
        }
    case "open":
        _ = write(gate[1], "x", 1)
    case "fork":
        guard let client = made, let count = Int(words[1]) else { continue }
        let children = (0..<count).map { _ in child { refresh(client, "child", words[2], deadline: nil) } }
        // Meanwhile more can be said to the parent.
        try LibraryThread.start {
            for one in children { reap(one) }
            say("forked \(count)")
        }
    case "deep":
        guard let client = made, let count = Int(words[1]) else { continue }
        reap(child { deepen(count, client, words[2]) })
        say("forked \(count)")
    case "inherit":
        guard let client = made,
            case .holder(let held) = try client.begin(RefreshRequest(refreshToken: words[1]))
        else { continue }
        reap(child { useInherited(held) })
        say("forked 1")
        // It is this process's until the end.
        _ = Unmanaged.passRetained(held)
    case "race":
        guard let client = made, let pause = Int(words[2]) else { continue }
        let other = words[1] + "-child"
        try LibraryThread.start { refresh(client, "thread", words[1], deadline: nil) }
        usleep(UInt32(pause))
        let racing = child(limit: 5) { refresh(client, "child", other, deadline: nil) }
        var status: Int32 = 0
        while waitpid(racing, &status, 0) < 0, errno == EINTR {}
        if status != 0 { say("hung child") }
        say("raced")
    case "idle":
        say("idle \(child { while true { sleep(20) } })")
    case "exec":
        var pid = pid_t()
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/sleep"), strdup("25"), nil]
        posix_spawn(&pid, "/bin/sleep", nil, nil, arguments, nil)
        say("idle \(pid)")
    case "lock":
        let configuration = configuration
        try LibraryThread.start {
            let options = EnvironmentOptions(
                path: configuration.directory ?? "", role: .participant, mapSize: configuration.mapSize,
                readerSlots: configuration.readerSlots, readersPerProcess: 1)
            do throws(EnvironmentError) {
                let deadline = MonotonicInstant.now().advanced(by: .seconds(5))
                try Environment.open(options, deadline: deadline).write(until: deadline) {
                    _ throws(EnvironmentError) -> Environment.Ending<Void> in
                    say("locked")
                    sleep(25)
                    return .abort(())
                }
            } catch {
                say("failed \(error)")
            }
        }
    case "usage":
        say(usage())
    default:
        say("unknown \(command)")
    }
}
