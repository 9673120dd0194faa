import ArgumentParser
import CLinux
import Glibc
import LMDB
import LeaseReports
import LeaseTable
import ProcessSupport
import WorkOS

/// `lease-dump`: the lease table as an operator sees it.
@main
struct LeaseDumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease-dump",
        abstract: "Shows the leases of a refreshd lease table.",
        discussion: """
            One line per lease: the first digits of its key, its state, the generation, the holder's pid and whether \
            that process lives, the age, the time left (negative where past), which attempt it is, how many callers \
            of all processes wait for it, and the bytes stored. A record that cannot be read is shown as damaged. It works while workers run, changes nothing and \
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

              Leases held for more than ten seconds, for a spreadsheet:
                lease-dump --state held --min-age 10 --csv

              The lease of one token, which is read from standard input:
                lease-dump --find --client-id client_01 < file-with-token

              How full the table is:
                lease-dump --stats

              Held leases on a screen that is drawn again twice a second:
                lease-dump --watch 0.5 --state held

              Does a table exist there?
                lease-dump --directory /run/refreshd > /dev/null; test $? -ne 66

            KEYS OF --watch
              k s h a t  order by key, state, holder, age, time left
              r          turn the order round
              arrows, page up, page down, home, end: other rows
              q          quit; so do SIGINT (^C), SIGTERM and SIGHUP, as they end
                         any program

            EXIT CODES
               0  the table was shown
               1  --find: there is no lease of that token
              64  wrong command line; --watch, and standard output is no terminal
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

    @Flag(help: "Print comma-separated values.")
    var csv = false

    @Flag(help: "Print what the table has in all, one name and value on each line.")
    var stats = false

    @Option(
        defaultAsFlag: 1.0,
        help: ArgumentHelp(
            "Show the table on a screen, and look again every so many seconds, 0.1 to 3600.", valueName: "seconds"))
    var watch: Double? = nil

    @Option(
        help: ArgumentHelp(
            "Only held, success, failed_terminal, failed_transient or damaged ones; may be given again.",
            valueName: "state"))
    var state: [LeaseRow.State] = []

    @Option(help: ArgumentHelp("Only leases of at least this age.", valueName: "seconds"))
    var minAge: Double?

    @Option(help: ArgumentHelp("Only leases of at most this age.", valueName: "seconds"))
    var maxAge: Double?

    @Option(help: ArgumentHelp("Only leases of this process.", valueName: "pid"))
    var holder: Int32?

    @Flag(help: "Read a refresh token from standard input and show its lease; with --client-id.")
    var find = false

    @Option(help: ArgumentHelp("The client that the token belongs to, for --find.", valueName: "id"))
    var clientID: String?

    @Option(help: ArgumentHelp("The upstream's base URL, for --find.", valueName: "url"))
    var upstream = "https://api.workos.com"

    @Option(help: ArgumentHelp("The organization that is switched to, for --find.", valueName: "id"))
    var organization: String?

    @Option(help: ArgumentHelp("How long to wait for another process's lock.", valueName: "seconds"))
    var timeout = 5.0

    func validate() throws {
        if directory?.isEmpty == true { throw ValidationError("--directory must not be empty.") }
        if [json, csv, stats, watch != nil].count(where: { $0 }) > 1 {
            throw ValidationError("--json, --csv, --stats and --watch are one or the other.")
        }
        if let watch, !(0.1...3600).contains(watch) {
            throw ValidationError("--watch must be from 0.1 to 3600.")
        }
        for age in [minAge, maxAge].compactMap({ $0 }) where !(0...1e9).contains(age) {
            throw ValidationError("ages must be from 0 to 1000000000.")
        }
        if find, clientID == nil { throw ValidationError("--find needs --client-id.") }
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout must be more than 0 and at most 3600.")
        }
    }

    func run() throws {
        let terminal = watch == nil ? nil : WatchTerminal()
        if watch != nil, terminal == nil {
            throw ValidationError("--watch draws a screen, and standard output is no terminal.")
        }
        let directory = TableDirectory.choose(named: directory)
        StandardOutput.report("table in \(directory)")
        let filter = try filter()
        if let watch, let terminal { return try show(on: terminal, every: .seconds(watch), directory, filter) }
        let (report, statistics) = try report(on: directory, filter)
        do {
            try StandardOutput.write(
                json
                    ? report.text()
                    : csv ? LeaseCSV.text(report.rows) : stats ? statistics.text : text(report.rows))
        } catch {
            StandardOutput.report("\(error)")
            throw ExitStatus.notWritten.exitCode
        }
        if find, report.rows.isEmpty { throw ExitStatus.noMatch.exitCode }
    }

    private func filter() throws -> LeaseFilter {
        LeaseFilter(
            states: Set(state), minimumAge: minAge.map { .seconds($0) }, maximumAge: maxAge.map { .seconds($0) },
            holder: holder, key: find ? try key() : nil)
    }

    /// The record key of the token on standard input, which is never on the command line and never shown.
    private func key() throws -> RecordKey {
        guard let clientID, let token = readLine() else {
            throw ValidationError("there is no token on standard input.")
        }
        do {
            let upstream = try WorkOSUpstream(WorkOSConfiguration(clientID: clientID, baseURL: upstream))
            return try KeyMaterial(
                KeyParts(
                    endpoint: upstream.endpoint, clientID: clientID, refreshToken: token, organizationID: organization
                )
            ).recordKey
        } catch {
            throw ValidationError("\(error)")
        }
    }

    private func report(
        on directory: TableDirectory, _ filter: LeaseFilter
    ) throws -> (LeaseReport, LeaseStatistics) {
        let deadline = MonotonicInstant.now().advanced(by: .seconds(timeout))
        do throws(LeaseTableError) {
            let table = try table(in: directory, until: deadline)
            let view = try LeaseTableView(of: table, deadline: deadline)
            let rows = view.rows.filter(filter.includes)
            let report = LeaseReport(directory: directory, environment: table.environmentID, rows: rows)
            return (report, LeaseStatistics(rows, of: table, fleet: view.fleet))
        } catch {
            StandardOutput.report("\(error)")
            throw ExitStatus(error).exitCode
        }
    }

    private func table(
        in directory: TableDirectory, until deadline: MonotonicInstant
    ) throws(LeaseTableError) -> LeaseTable {
        try LeaseTable(RefreshConfiguration(), in: directory, role: .inspector, deadline: deadline)
    }

    /// Shows the live screen until it is told to end; by a signal, if that is what ended it.
    private func show(
        on terminal: WatchTerminal, every interval: Duration, _ directory: TableDirectory, _ filter: LeaseFilter
    ) throws {
        let ending: Watch.Ending
        do throws(SystemCallError) {
            var watch = try Watch(on: terminal, every: interval, directory: directory.path, isColoured: isColoured) {
                // While it waits it takes no keys.
                let deadline = MonotonicInstant.now().advanced(by: min(.seconds(timeout), .seconds(1)))
                do throws(LeaseTableError) {
                    // Anew each time: the directory may be another one by now. One that is open is found so.
                    let view = try LeaseTableView(of: table(in: directory, until: deadline), deadline: deadline)
                    return .rows(view.rows.filter(filter.includes))
                } catch {
                    return .problem("\(error)")
                }
            }
            ending = try watch.run()
        } catch {
            StandardOutput.report("\(error)")
            throw ExitStatus.notWritten.exitCode
        }
        if case .signal(let signal) = ending { clinux_deliver_by_default(signal) }
    }

    private var isColoured: Bool {
        StandardOutput.isColoured(isTerminal: StandardOutput.isTerminal) { name in
            unsafe getenv(name).map { unsafe String(cString: $0) }
        }
    }

    private func text(_ rows: [LeaseRow]) -> String {
        let width = StandardOutput.isTerminal ? StandardOutput.columns : nil
        return LeaseText(isColoured: isColoured, width: width).render(rows)
    }
}

extension LeaseRow.State: ExpressibleByArgument {}
