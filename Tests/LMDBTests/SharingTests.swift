import CLinux
import Glibc
import SanitizerSupport
import Testing

@testable import LMDB

extension LMDBTests {
    @Suite struct Sharing {
        let scratch = Scratch()

        private func counter(_ worker: Worker) throws -> Int {
            // Nothing there yet counts as none.
            let value = try worker.ask("get counter")
            return value == "-" ? 0 : Int(value) ?? -1
        }

        @Test func forkedChildrenAndTheirChildren() throws {
            let worker = try Worker()
            try worker.ask("open \(scratch.path)")
            try worker.ask("add 1")
            // 8 children, one child of each, and the parent, 100 each.
            #expect(try worker.ask("fork-add 8 100", within: 60) == "0")
            #expect(try counter(worker) == 1 + 17 * 100)
        }

        @Test(
            .disabled(if: Sanitizer.running == .thread, "ThreadSanitizer holds the child of a process with threads"))
        func forkWhileThreadsWrite() throws {
            let worker = try Worker()
            try worker.ask("open \(scratch.path)")
            let answer = try worker.ask("fork-while-writing 50", within: 60).split(separator: " ")
            #expect(answer.first == "0")
            #expect(try counter(worker) == answer.last.flatMap { Int($0) })
        }

        /// Parent opens, forks and leaves; whoever opens next and the child exclude each other.
        @Test func childOfAProcessThatLeft() throws {
            let first = try Worker()
            try first.ask("open \(scratch.path)")
            try first.ask("add 1")
            try first.ask("handover")
            first.reap()
            #expect(try first.ask("current") == "false")
            let second = try Worker()
            try second.ask("open \(scratch.path)")
            try first.ask("reopen")
            try first.ask("patience 100")
            second.send("hold-write")
            try second.receive()
            #expect(try first.failure(of: "add 1") == "timedOut")
            second.send("abort")
            try second.receive()
            try first.ask("add 1")
            first.send("add-until-told")
            try first.receive()
            try second.ask("add 500")
            let added = Int(try first.ask("stop")) ?? -1
            #expect(try counter(second) == 502 + added)
        }

        /// A stopped writer: writers end at their deadline, readers go on, and so does all once it continues.
        @Test func stoppedWriter() throws {
            let stopped = try Worker()
            let other = try Worker()
            try stopped.ask("open \(scratch.path)")
            try other.ask("open \(scratch.path)")
            try other.ask("add 1")
            #expect(try other.ask("get counter") == "1")
            stopped.send("hold-write counter")
            try stopped.receive()
            stopped.stop()
            try other.ask("patience 100")
            let began = ContinuousClock.now
            let failure = try other.failure(of: "add 1")
            let took = began.duration(to: .now)
            #expect(failure == "timedOut")
            #expect(took >= .milliseconds(100) && took < .milliseconds(150), "\(took)")
            #expect(try other.ask("get counter") == "1")
            // Even a newcomer can open; what it cannot do is write.
            let newcomer = try Worker()
            try newcomer.ask("open \(scratch.path)")
            stopped.resume()
            stopped.send("abort")
            #expect(try stopped.receive() == "aborted")
            #expect(try other.ask("add 1") == "2 2")
            #expect(try newcomer.ask("add 1") == "3 3")
        }

        @Test func killedWriter() throws {
            let victim = try Worker()
            let other = try Worker()
            try victim.ask("open \(scratch.path)")
            try other.ask("open \(scratch.path)")
            try other.ask("add 7")
            victim.send("die-in-write")
            victim.reap()
            try other.ask("patience 50")
            #expect(try other.ask("get counter") == "7")
            #expect(try other.ask("add 1") == "8 8")
        }

        @Test func nestedWrite() throws {
            let worker = try Worker()
            try worker.ask("open \(scratch.path)")
            worker.send("hold-write")
            try worker.receive()
            #expect(try worker.ask("nested") == "nestedWrite")
            #expect(try worker.ask("add 1").hasPrefix("1 "))
        }

        @Test func writersKilledAtRandom() throws {
            let watcher = try Worker()
            try watcher.ask("open \(scratch.path)")
            var last = 0
            for _ in 0..<200 {
                let victim = try Worker()
                try victim.ask("open \(scratch.path)")
                victim.send("add-until-told")
                try victim.receive()
                _ = clinux_poll_readable(-1, Int64.random(in: 0...1_500_000))
                victim.end()
                let now = try counter(watcher)
                #expect(now >= last)
                last = now
            }
            #expect(last > 200)
            #expect(try watcher.ask("add 1").hasPrefix("\(last + 1) "))
        }

        /// The slots of killed readers are taken by the next that finds none free; a really full table says so.
        @Test func readerSlots() throws {
            let first = try Worker()
            try first.ask("open \(scratch.path) slots=126 readers=1000")
            try first.ask("add 1")
            let slots = Int(try first.ask("space").split(separator: " ")[3]) ?? 0
            #expect(slots >= 126)
            first.send("hold-read \(slots)")
            #expect(try first.receive() == "1")
            let second = try Worker()
            try second.ask("open \(scratch.path)")
            #expect(try second.failure(of: "get counter") == "lmdb:readersFull")
            first.end()
            #expect(try second.ask("get counter") == "1")
        }

        @Test func checkFreesTheSlotsOfTheKilled() throws {
            let first = try Worker()
            let second = try Worker()
            try first.ask("open \(scratch.path) readers=10")
            try second.ask("open \(scratch.path)")
            first.send("hold-read 5")
            try first.receive()
            #expect(try second.ask("check-readers") == "0")
            first.end()
            #expect(try second.ask("check-readers") == "5")
        }

        @Test func fullMap() throws {
            let worker = try Worker()
            try worker.ask("open \(scratch.path) map=262144")
            try worker.ask("add 1")
            #expect(try worker.failure(of: "put big #1000000") == "lmdb:mapFull:space")
            #expect(try worker.ask("get big") == "-")
            #expect(try worker.ask("add 1").hasPrefix("2 "))
        }

        @Test(
            .enabled(if: geteuid() == 0, "mounting takes root"),
            arguments: [4, 12, 40, 72, 76, 80, 84, 88, 100, 160])
        func fullFileSystem(kilobytes: Int) throws {
            mkdir(scratch.path, 0o700)
            let mount =
                "mount -t tmpfs -o size=\(kilobytes)k none \(scratch.path) && chmod 700 \(scratch.path) && exec \"$0\""
            let worker = try Worker(launcher: ["unshare", "-m", "sh", "-c", mount])
            let outcome = try worker.failure(of: "open \(scratch.path) slots=1024")
            if outcome.hasPrefix("no error") {
                let added = try worker.failure(of: "add 1")
                #expect(added.hasPrefix("no error") || added == "lmdb:system(28):space")
                #expect(try worker.failure(of: "put big #200000") == "lmdb:system(28):space")
                #expect(try worker.ask("get big") == "-")
                if added.hasPrefix("no error") { #expect(try worker.ask("get counter") == "1") }
            } else {
                #expect(outcome == "system:fallocate:28" || outcome == "lmdb:system(28):space")
            }
            // Alive, whatever was full.
            #expect(try worker.pid() > 0)
        }
    }
}
