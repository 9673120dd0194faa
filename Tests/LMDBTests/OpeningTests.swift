import CLinux
import Glibc
import SanitizerSupport
import Testing

@testable import LMDB

private let environmentRounds = getenv("LMDB_KILL_ROUNDS").flatMap { Int(String(cString: $0)) }

extension LMDBTests {
    @Suite struct Opening {
        let scratch = Scratch()

        /// At every system call of an opening, whatever state the directory is in: no kill leaves a directory that
        /// cannot be opened, no stop holds another process past its deadline, and no removal, of all or of one
        /// file, makes two processes write one file without excluding each other.
        @Test(
            .disabled(if: Sanitizer.running == .thread, "stepping through ThreadSanitizer's own start takes minutes"),
            arguments: ["first", "renew", "join"],
            ["kill", "removeall", "alive.lock", "lock.mdb", "data.mdb", "guard", "open.lock"])
        func disturbedAtEverySystemCall(state: String, disturbance: String) throws {
            let answer = try Worker().ask("step \(state)-\(disturbance) \(scratch.path)", within: 60)
            let words = answer.split(separator: " ", maxSplits: 1)
            #expect(words.count == 1, "\(answer)")
            #expect((words.first.flatMap { Int($0) } ?? 0) > 20, "\(answer)")
        }

        @Test(
            .disabled(if: Sanitizer.running == .thread, "stepping through ThreadSanitizer's own start takes minutes"),
            arguments: ["first", "join"])
        func stoppedAtEverySystemCall(state: String) throws {
            let answer = try Worker().ask("step \(state)-stop \(scratch.path)", within: 60)
            let words = answer.split(separator: " ", maxSplits: 1)
            #expect(words.count == 1 && (words.first.flatMap { Int($0) } ?? 0) > 20, "\(answer)")
        }

        @Test func killedAtRandomInTheFirstOpening() throws {
            let rounds = environmentRounds ?? 400
            let answer = try Worker().ask("kill-openings \(rounds) \(scratch.path)", within: Int64(60 + rounds / 50))
            let counts = answer.split(separator: " ").compactMap { Int($0) }
            #expect(counts.count == 2 && counts[1] == 0, "\(answer)")
            #expect(counts[0] > rounds / 20, "too few were killed in time: \(answer)")
        }

        @Test(arguments: [true, false]) func onePageOfData(withGuard: Bool) throws {
            let first = try Worker()
            try first.ask("open \(scratch.path)")
            first.end()
            truncate(scratch.file("data.mdb"), 4096)
            if !withGuard { unlink(scratch.file("guard")) }
            let second = try Worker()
            try second.ask("open \(scratch.path)")
            #expect(try second.ask("add 1").hasPrefix("1 "))
        }

        /// The opener forked a child that does not know the library, and was killed: the child must hold neither
        /// lock on.
        @Test func childOfAKilledOpenerHoldsNothing() throws {
            let first = try Worker()
            let id = try first.ask("open \(scratch.path)")
            let child = pid_t(try first.ask("idle-child")) ?? 0
            defer { kill(child, SIGKILL) }
            first.end()
            truncate(scratch.file("data.mdb"), 4096)
            let second = try Worker()
            #expect(try second.ask("open \(scratch.path)") != id)
            #expect(kill(child, 0) == 0)
        }

        @Test func otherBoot() throws {
            let first = try Worker()
            let id = try first.ask("open \(scratch.path)")
            scratch.patch("guard", at: 32, with: [1, 2, 3])
            #expect(try Worker().failure(of: "open \(scratch.path)") == "otherNamespace")
            first.end()
            #expect(try Worker().ask("open \(scratch.path)") != id)
        }

        @Test(.enabled(if: geteuid() == 0, "a pid namespace takes root"))
        func otherPIDNamespace() throws {
            let first = try Worker()
            let id = try first.ask("open \(scratch.path)")
            let launcher = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
            let other = try Worker(launcher: launcher)
            #expect(try other.pid() == 1)
            #expect(try other.failure(of: "open \(scratch.path)") == "otherNamespace")
            first.end()
            let rebuilt = try other.ask("open \(scratch.path)")
            #expect(rebuilt != id)
            #expect(try other.ask("add 1").hasPrefix("1 "))
        }

        @Test func stoppedHolderOfTheOpenLock() throws {
            mkdir(scratch.path, 0o700)
            scratch.make("open.lock")
            let held = clinux_openat(AT_FDCWD, scratch.file("open.lock"), O_RDWR | O_CLOEXEC, 0)
            #expect(clinux_flock(held, LOCK_EX) == 0)
            let worker = try Worker()
            try worker.ask("patience 100")
            let began = ContinuousClock.now
            let failure = try worker.failure(of: "open \(scratch.path)")
            let took = began.duration(to: .now)
            #expect(failure == "timedOut")
            #expect(took >= .milliseconds(100) && took < .milliseconds(150), "\(took)")
            close(held)
            try worker.ask("open \(scratch.path)")
        }

        /// What one leaves behind, the next finds: same id, data, and transaction ids that go on.
        @Test func lastOneLeaves() throws {
            let first = try Worker()
            let id = try first.ask("open \(scratch.path)")
            #expect(try first.ask("add 3") == "3 3")
            #expect(try first.ask("add 1") == "4 4")
            first.end()
            let second = try Worker()
            #expect(try second.ask("open \(scratch.path)") == id)
            #expect(try second.ask("add 1") == "5 5")
        }

        @Test func removedDirectory() throws {
            let first = try Worker()
            let second = try Worker()
            let id = try first.ask("open \(scratch.path)")
            #expect(try second.ask("open \(scratch.path)") == id)
            try first.ask("add 5")
            for name in files(in: scratch.path) { unlink(scratch.file(name)) }
            rmdir(scratch.path)
            #expect(try first.ask("current") == "false")
            let newID = try first.ask("reopen")
            #expect(newID != id)
            #expect(try second.ask("current") == "false")
            #expect(try second.ask("reopen") == newID)
            #expect(try first.ask("add 1").hasPrefix("1 "))
            #expect(try second.ask("add 1").hasPrefix("2 "))
        }

        /// File by file, in any order, and then somebody stops removing: processes that were in it and newcomers
        /// meet in one environment.
        @Test(arguments: ["alive.lock", "data.mdb", "guard", "lock.mdb", "open.lock"])
        func oneFileRemoved(_ name: String) throws {
            let first = try Worker()
            try first.ask("open \(scratch.path)")
            unlink(scratch.file(name))
            let newcomer = try Worker()
            let id = try newcomer.ask("open \(scratch.path)")
            if try first.ask("current") == "false" { try first.ask("reopen") }
            #expect(try first.ask("open \(scratch.path)") == id)
            try newcomer.ask("add 1")
            #expect(try first.ask("add 1").hasPrefix("2 "))
            first.send("hold-write")
            try first.receive()
            try newcomer.ask("patience 50")
            #expect(try newcomer.failure(of: "add 1") == "timedOut")
        }

        @Test func throughTwoPathsItIsOpenedOnce() throws {
            let real = "\(scratch.root)/real"
            let other = "\(scratch.root)/other"
            mkdir(real, 0o700)
            symlink(real, other)
            defer {
                for name in files(in: "\(real)/table") { unlink("\(real)/table/\(name)") }
                rmdir("\(real)/table")
            }
            let worker = try Worker()
            #expect(try worker.ask("open-by-threads \(real)/table \(other)/table") == "4 1")
            let id = try worker.ask("open \(real)/table")
            #expect(try worker.ask("open \(other)/table") == id)
            #expect(try worker.ask("open \(real)/table") == id)
            #expect(try worker.ask("lock-files") == "1")
        }
    }
}
