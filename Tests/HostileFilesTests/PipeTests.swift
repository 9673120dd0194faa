import CLinux
import Glibc
import TableTestSupport
import Testing

/// What stands where a holder's pipe should be. While the holder lives its waiters wait, to their deadlines at the most;
/// when it has died they go on.
@Suite(.serialized) struct PipeTests {
    enum Replacement: String, CaseIterable {
        case missing, file, link, danglingLink, directory, socket, otherPipe, writtenPipe

        func make(at path: String) {
            switch self {
            case .missing: break
            case .file: close(creat(path, 0o600))
            case .link: symlink("/dev/zero", path)
            case .danglingLink: symlink("nowhere", path)
            case .directory: mkdir(path, 0o700)
            case .socket:
                let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
                defer { close(descriptor) }
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
                withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
            case .otherPipe, .writtenPipe: clinux_mkfifoat(AT_FDCWD, path, 0o600)
            }
        }
    }

    @Test(arguments: Replacement.allCases) func replacedPipe(_ replacement: Replacement) throws {
        let directory = try TemporaryDirectory()
        let table = directory.file("table")
        let holder = try Program("lease-holder", [table, "token-0"])
        #expect(holder.outputLine() == "held")
        let name = try #require(
            try directory.listing().compactMap { line -> String? in
                let file = line.prefix { $0 != " " }
                return file.hasPrefix("table/pipes/") ? String(file) : nil
            }.first)
        unlink(directory.file(name))
        replacement.make(at: directory.file(name))
        // Somebody else keeps the pipe in its place open, and has written into it.
        var kept: Int32 = -1
        if replacement == .writtenPipe {
            kept = clinux_openat(AT_FDCWD, directory.file(name), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0)
            #expect(write(kept, "x", 1) == 1)
        }
        defer { if kept >= 0 { close(kept) } }
        let waiting = try Worker.run(table, prefix: "second", count: 1, deadline: 300)
        if replacement == .otherPipe {
            // A pipe without a writer says what a dead holder's says: who writes in the directory can say it.
            #expect(waiting.isClean, "\(waiting)")
        } else {
            #expect(waiting.isClean && waiting.lines == ["error deadlineExceeded"], "\(waiting)")
        }
        holder.send(SIGKILL)
        _ = holder.finish()
        let after = try Worker.run(table, prefix: "second", count: 1, deadline: 2000)
        // Who holds a dead holder's pipe open delays its successor to the end of the lease.
        let expected = replacement == .writtenPipe ? "error deadlineExceeded" : "second"
        #expect(after.isClean && after.lines == [expected], "\(after)")
        unlink(directory.file(name))
        rmdir(directory.file(name))
    }

    @Test(arguments: ["missing", "file", "link"]) func replacedDirectoryOfPipes(_ what: String) throws {
        let directory = try TemporaryDirectory()
        let table = directory.file("table")
        #expect(try Worker.run(table, prefix: "first", count: 1).isClean)
        let pipes = directory.file("table/pipes")
        for name in try directory.listing() where name.hasPrefix("table/pipes/") {
            unlink(directory.file(String(name.prefix { $0 != " " })))
        }
        rmdir(pipes)
        if what == "file" { close(creat(pipes, 0o600)) }
        if what == "link" { symlink("/tmp", pipes) }
        let worker = try Worker.run(table, prefix: "second", count: 1, extra: 1)
        if what == "missing" {
            #expect(worker.isClean && worker.lines == ["first", "second"], "\(worker)")
        } else {
            #expect(worker.isClean && worker.count("error directoryUnusable") == 2, "\(worker)")
        }
    }
}
