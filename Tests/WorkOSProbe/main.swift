// One attempt, or an attempt on either side of a fork, in a process of its own.
//
//   workos-probe attempt BASE_URL TIMEOUT_MS [CA_FILE]   an attempt on a thread with 256 KiB of stack
//   workos-probe fork BASE_URL [CA_FILE]                 an attempt, a fork, an attempt in the child
//   workos-probe fork-in-flight BASE_URL                 the fork while a thread's attempt waits for its answer;
//                                                        it comes when a line is read from standard input
//   workos-probe memory BASE_URL [CA_FILE]               private memory of a forked child's first attempt
import CLinux
import Glibc
import ProcessSupport
import RefreshClient
import WorkOS

func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe write(1, bytes, bytes.count)
}

func attempt(_ label: String, _ baseURL: String, timeout: Duration = .seconds(10), caFile: String? = nil)
    -> Bool
{
    let upstream: WorkOSUpstream
    do {
        upstream = try WorkOSUpstream(
            WorkOSConfiguration(clientID: "client_probe", baseURL: baseURL, caBundlePath: caFile))
    } catch {
        say("\(label) error \(error)")
        return false
    }
    let begin = ContinuousClock.now
    let answer = upstream.attempt(
        UpstreamRequest(refreshToken: "rt_probe", idempotencyKey: "probe-1"), timeout: timeout)
    let elapsed = (ContinuousClock.now - begin) / .milliseconds(1)
    switch answer {
    case .success(let success):
        say("\(label) success \(Int(elapsed)) \(success.body.count)")
        return true
    case .failure(let failure):
        say(
            "\(label) failure \(Int(elapsed)) \(failure.class.rawValue) \(failure.reason.rawValue) "
                + "\(failure.mayHaveRotated) \(failure.detail)")
        return false
    }
}

func onThread(stackSize: Int, _ body: @escaping @Sendable () -> Void) -> pthread_t {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setstacksize(&attributes, stackSize)
    var thread = pthread_t()
    let box = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
    unsafe pthread_create(
        &thread, &attributes,
        { context in
            if let context = unsafe context {
                unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
            }
            return nil
        }, box)
    return thread
}

func forked(_ body: () -> Bool) -> Bool {
    let child = clinux_fork()
    if child == 0 {
        // A child that hangs ends, and is seen to have failed.
        alarm(20)
        _exit(body() ? 0 : 1)
    }
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    return status == 0
}

// Clean pages are the file cache's, whoever maps them.
func privateKilobytes() -> Int {
    guard let file = unsafe fopen("/proc/self/smaps_rollup", "r") else { return -1 }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    var sum = 0
    while unsafe fgets(&line, 256, file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasPrefix("Private_Dirty:") {
            sum += text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        }
    }
    return sum
}

// A spawned process inherits its parent thread's mask, which under a test runner blocks most signals.
var noSignals = sigset_t()
unsafe sigemptyset(&noSignals)
unsafe sigprocmask(SIG_SETMASK, &noSignals, nil)
signal(SIGPIPE, SIG_DFL)
// Whatever hangs ends, and is seen to have failed.
alarm(30)
let arguments = CommandLine.arguments
func argument(_ index: Int) -> String? { index < arguments.count ? arguments[index] : nil }

switch (argument(1), argument(2)) {
case ("attempt"?, let url?):
    let timeout = Duration.milliseconds(argument(3).flatMap { Int($0) } ?? 10_000)
    let caFile = argument(4)
    let thread = onThread(stackSize: 256 * 1024) {
        _ = attempt("attempt", url, timeout: timeout, caFile: caFile)
    }
    pthread_join(thread, nil)
case ("fork"?, let url?):
    let parent = attempt("parent", url, caFile: argument(3))
    let child = forked { attempt("child", url, caFile: argument(3)) }
    let again = attempt("again", url, caFile: argument(3))
    exit(parent && child && again ? 0 : 1)
case ("fork-in-flight"?, let url?):
    // What this program itself does in Swift for the first time must not be in the middle of it at the fork either.
    let thread = onThread(stackSize: 256 * 1024) { Forks.heldOff { _ = attempt("parent", url) } }
    _ = readLine()
    let child = forked { attempt("child", url) }
    pthread_join(thread, nil)
    exit(child ? 0 : 1)
case ("memory"?, let url?):
    _ = forked {
        let before = privateKilobytes()
        guard attempt("child", url, caFile: argument(3)) else { return false }
        say("memory cold \(privateKilobytes() - before)")
        return true
    }
    try WorkOSUpstream.preload()
    _ = forked {
        let before = privateKilobytes()
        guard attempt("child", url, caFile: argument(3)) else { return false }
        say("memory preloaded \(privateKilobytes() - before)")
        return true
    }
default:
    say("usage: workos-probe attempt|fork|fork-in-flight|memory BASE_URL …")
    exit(2)
}
