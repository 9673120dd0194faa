import Foundation

/// Whether a thread of the process sleeps in poll(2): that is where waiters of either strategy are.
func isAsleepInPoll(_ pid: pid_t) -> Bool {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
    return tasks.contains { task in
        let call = (try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/syscall", encoding: .utf8)) ?? ""
        // poll(2) and ppoll(2) of x86-64 and arm64.
        return ["7 ", "271 ", "73 "].contains { call.hasPrefix($0) }
    }
}

/// What the descriptors of a process lead to.
func openFiles(of pid: pid_t) -> [String] {
    let path = "/proc/\(pid)/fd"
    let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return descriptors.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(path)/\($0)") }
}

extension Worker {
    var isAsleepInPoll: Bool { RefreshClientTests.isAsleepInPoll(pid) }

    /// Processes it has forked.
    var children: [pid_t] {
        let path = "/proc/\(pid)/task/\(pid)/children"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: " ").compactMap { pid_t($0) }
    }
}
