import CLinux
import Glibc
import Testing

@testable import LMDB

extension LMDBTests {
    @Suite struct Directory {
        let scratch = Scratch()

        @Test func parentMissing() throws {
            let worker = try Worker()
            #expect(try worker.failure(of: "open \(scratch.path)/a/b") == "parentMissing")
            #expect(files(in: scratch.root).isEmpty)
        }

        @Test func inspectorMakesNothing() throws {
            #expect(try Worker().failure(of: "open \(scratch.path) role=inspector") == "notThere")
            mkdir(scratch.path, 0o700)
            #expect(try Worker().failure(of: "open \(scratch.path) role=inspector") == "notThere")
            #expect(files(in: scratch.path).isEmpty)
        }

        @Test func symbolicLinkAndRegularFile() throws {
            mkdir("\(scratch.root)/real", 0o700)
            symlink("\(scratch.root)/real", scratch.path)
            #expect(try Worker().failure(of: "open \(scratch.path)") == "notADirectory")
            #expect(files(in: "\(scratch.root)/real").isEmpty)
            unlink(scratch.path)
            close(creat(scratch.path, 0o600))
            #expect(try Worker().failure(of: "open \(scratch.path)") == "notADirectory")
        }

        @Test(arguments: [
            (0o777, "writableByOthers"), (0o1777, "writableByOthers"), (0o770, "groupWithoutSetgid"),
        ])
        func mode(_ mode: Int, _ expected: String) throws {
            mkdir(scratch.path, 0o700)
            chmod(scratch.path, mode_t(mode))
            #expect(try Worker().failure(of: "open \(scratch.path)") == expected)
            #expect(files(in: scratch.path).isEmpty)
        }

        @Test(.enabled(if: geteuid() == 0, "giving a directory away takes root"))
        func foreignOwner() throws {
            mkdir(scratch.path, 0o700)
            chown(scratch.path, 65_534, 65_534)
            #expect(try Worker().failure(of: "open \(scratch.path)") == "foreignOwner")
            #expect(files(in: scratch.path).isEmpty)
        }

        @Test(
            arguments: ["open.lock", "alive.lock", "guard", "data.mdb", "lock.mdb"],
            ["symlink", "fifo", "directory"])
        func suspiciousFile(_ name: String, _ kind: String) throws {
            mkdir(scratch.path, 0o700)
            let target = "\(scratch.root)/target"
            switch kind {
            case "symlink":
                close(creat(target, 0o600))
                symlink(target, scratch.file(name))
            case "fifo": clinux_mkfifoat(AT_FDCWD, scratch.file(name), 0o600)
            default: mkdir(scratch.file(name), 0o700)
            }
            let before = scratch.listing()
            #expect(try Worker().failure(of: "open \(scratch.path)") == "suspiciousFile")
            #expect(scratch.listing() == before)
        }

        @Test(arguments: ["0", "77"], [0o700, 0o2770])
        func fileModes(umask: String, directoryMode: Int) throws {
            mkdir(scratch.path, 0o700)
            chmod(scratch.path, mode_t(directoryMode))
            let worker = try Worker()
            try worker.ask("umask \(umask)")
            try worker.ask("open \(scratch.path)")
            try worker.ask("add 1")
            for name in files(in: scratch.path) {
                #expect(scratch.mode(name) == (directoryMode == 0o700 ? 0o600 : 0o660), "\(name)")
            }
            #expect(
                files(in: scratch.path).sorted() == [
                    "alive.lock", "data.mdb", "guard", "lock.mdb", "open.lock",
                ])
        }

        @Test func directoryOfOneOwnMakingIsPrivate() throws {
            let worker = try Worker()
            try worker.ask("umask 0")
            try worker.ask("open \(scratch.path)")
            #expect(scratch.mode("") & 0o777 == 0o700)
        }

        @Test(arguments: [true, false]) func otherVersionIsLeftAsItIs(hasLocks: Bool) throws {
            let first = try Worker()
            try first.ask("open \(scratch.path)")
            first.end()
            scratch.patch("guard", at: 8, with: [2, 0, 0, 0])
            if !hasLocks {
                unlink(scratch.file("open.lock"))
                unlink(scratch.file("alive.lock"))
            }
            let before = scratch.listing()
            #expect(try Worker().failure(of: "open \(scratch.path)") == "otherVersion")
            #expect(scratch.listing() == before)
        }

        @Test(arguments: ["magic", "truncated"]) func damagedGuard(_ damage: String) throws {
            let first = try Worker()
            let id = try first.ask("open \(scratch.path)")
            func harm() {
                if damage == "magic" {
                    scratch.patch("guard", at: 0, with: [0])
                } else {
                    truncate(scratch.file("guard"), 100)
                }
            }
            if damage == "magic" {
                harm()
                #expect(try Worker().failure(of: "open \(scratch.path)") == "damaged")
            }
            first.end()
            harm()
            let second = try Worker()
            #expect(try second.ask("open \(scratch.path)") != id)
            #expect(try second.ask("add 1").hasPrefix("1 "))
        }
    }
}
