import ArgumentParser
import Glibc
import LMDB
import LeaseReports
import LeaseTable
import ProcessSupport

/// `lease-dump`: the lease table as an operator sees it.
@main
struct LeaseDumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease-dump",
        abstract: "Shows the leases of a refreshd lease table.",
        discussion: """
            One line per lease: the first digits of its key, its state, the generation, the holder's pid and whether \
            that process lives, the age, the time left (negative where past), which attempt it is, and the bytes \
            stored. A record that cannot be read is shown as damaged. It works while workers run, changes nothing and \
            creates nothing. Nothing it can read leads to a token: outcomes are sealed under the token that they \
            belong to.

            Which directory it looks in, and why, is said on standard error: --directory, else REFRESHD_DIRECTORY, \
            else /run/refreshd where that exists, else $XDG_RUNTIME_DIR/refreshd, else /dev/shm/refreshd-UID.

            EXAMPLES
              Look at the table that workers of this user share:
                lease-dump

              At another one, giving up after a second:
                lease-dump --directory /run/refreshd --timeout 1

              Leases that are held by a process that is gone:
                lease-dump --json |
                  jq '.leases[] | select(.state == "held" and (.holder.alive | not))'

              Does a table exist there?
                lease-dump --directory /run/refreshd > /dev/null; test $? -ne 66

            EXIT CODES
               0  the table was shown
              64  wrong command line
              66  there is no table in the directory
              69  the table cannot be used: another version's, no permission, not
                  safely owned, damaged, or of another boot or pid namespace
              74  the answer could not be written
              75  timed out waiting for another process
            """)

    @Option(help: ArgumentHelp("The table's directory.", valueName: "dir"))
    var directory: String?

    @Flag(help: "Print JSON, with stable field names.")
    var json = false

    @Option(help: ArgumentHelp("How long to wait for another process's lock.", valueName: "seconds"))
    var timeout = 5.0

    func validate() throws {
        if directory?.isEmpty == true { throw ValidationError("--directory must not be empty.") }
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout must be more than 0 and at most 3600.")
        }
    }

    func run() throws {
        let directory = TableDirectory.choose(named: directory)
        StandardOutput.report("table in \(directory)")
        let report = try report(on: directory)
        do {
            try StandardOutput.write(json ? report.text() : text(report.rows))
        } catch {
            StandardOutput.report("\(error)")
            throw ExitStatus.notWritten.exitCode
        }
    }

    private func report(on directory: TableDirectory) throws -> LeaseReport {
        let deadline = MonotonicInstant.now().advanced(by: .seconds(timeout))
        do throws(LeaseTableError) {
            let table = try LeaseTable(RefreshConfiguration(), in: directory, role: .inspector, deadline: deadline)
            let listed = try table.leases(deadline: deadline)
            let now = BootInstant.now()
            let rows = listed.map { LeaseRow($0, now: now) { $0.isAlive } }
            return LeaseReport(
                directory: directory, environment: table.environmentID, rows: LeaseRow.sorted(rows))
        } catch {
            StandardOutput.report("\(error)")
            throw ExitStatus(error).exitCode
        }
    }

    private func text(_ rows: [LeaseRow]) -> String {
        let isTerminal = StandardOutput.isTerminal
        let isColoured = StandardOutput.isColoured(isTerminal: isTerminal) { name in
            unsafe getenv(name).map { unsafe String(cString: $0) }
        }
        return LeaseText(isColoured: isColoured, width: isTerminal ? StandardOutput.columns : nil).render(rows)
    }
}
