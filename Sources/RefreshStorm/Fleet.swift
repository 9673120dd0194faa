import CLinux
import FoundationEssentials
import Glibc
import ProcessSupport
import RefreshClient
import StormSupport

/// The prefork master: forks workers, hands out orders, collects reports, replaces workers that were killed.
///
/// It has one thread when it forks, but for what a library may have started; and it has used the library itself, as
/// masters that preload do.
final class Fleet {
    private struct Member {
        var pid: pid_t
        var orders: Int32
        var reports: LineReader
        var isGone = false
    }

    private let client: RefreshClient
    private var members: [Member] = []

    init(client: RefreshClient, processes: Int) throws {
        self.client = client
        for _ in 0..<processes { members.append(try hire()) }
    }

    var count: Int { members.count }

    /// Gives one order to each worker.
    func send(_ orders: [RoundOrder]) throws {
        for (member, order) in zip(members, orders) {
            let line = try JSONEncoder().encode(order)
            guard Pipes.write(Array(line) + [UInt8(ascii: "\n")], to: member.orders) else {
                throw StormError("worker \(member.pid) has gone")
            }
        }
    }

    /// Every worker's reports; `nil` for one that died.
    func collect() throws -> [[CallReport]?] {
        try members.indices.map { index in
            guard let line = members[index].reports.next() else {
                members[index].isGone = true
                return nil
            }
            return try JSONDecoder().decode([CallReport].self, from: Data(line))
        }
    }

    /// Kills the worker `pid` if it is one of ours.
    ///
    /// - Returns: When, on the records' clock; `nil` where it is not ours.
    func kill(_ pid: pid_t) -> BootInstant? {
        guard members.contains(where: { $0.pid == pid }) else { return nil }
        let now = BootInstant.now()
        return Glibc.kill(pid, SIGKILL) == 0 ? now : nil
    }

    /// Puts a new worker in the place of each that ``collect()`` found dead.
    func replaceDead() throws {
        for index in members.indices where members[index].isGone {
            var status: Int32 = 0
            waitpid(members[index].pid, &status, 0)
            release(members[index])
            members[index] = try hire()
        }
    }

    /// Lets the workers go, and waits until they have gone.
    func dismiss() {
        for member in members { release(member) }
        for member in members {
            var status: Int32 = 0
            waitpid(member.pid, &status, 0)
        }
        members = []
    }

    private func release(_ member: Member) {
        close(member.orders)
        close(member.reports.descriptor)
    }

    private func hire() throws -> Member {
        let orders = try Pipes.make()
        let reports = try Pipes.make()
        let pid = clinux_fork()
        if pid == 0 {
            // The other workers' ends would keep their pipes open when the master has gone.
            for member in members where !member.isGone { release(member) }
            close(orders.writing)
            close(reports.reading)
            Worker(client: client, orders: orders.reading, reports: reports.writing).run()
        }
        close(orders.reading)
        close(reports.writing)
        guard pid > 0 else {
            close(orders.writing)
            close(reports.reading)
            throw SystemCallError("fork")
        }
        return Member(pid: pid, orders: orders.writing, reports: LineReader(descriptor: reports.reading))
    }
}
