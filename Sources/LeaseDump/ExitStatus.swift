import ArgumentParser
import Glibc
import LMDB
import LeaseTable
import ProcessSupport

/// How lease-dump ends, for scripts: codes of sysexits.h, one for each thing that a script would do differently.
///
/// 64 (`EX_USAGE`), for a wrong command line, is ArgumentParser's.
enum ExitStatus: Int32 {
    /// `--find`, and there is no lease; as grep has it.
    case noMatch = 1
    /// `EX_NOINPUT`: there is no table.
    case noTable = 66
    /// `EX_UNAVAILABLE`: there is something, but it cannot be used.
    case unusable = 69
    /// `EX_IOERR`: the answer could not be written.
    case notWritten = 74
    /// `EX_TEMPFAIL`: somebody held a lock until the time was up.
    case timedOut = 75

    var exitCode: ExitCode { ExitCode(rawValue) }

    /// The code for a table that could not be opened or read.
    init(_ error: LeaseTableError) {
        switch error {
        case .environment(.notThere), .environment(.parentMissing): self = .noTable
        case .environment(.timedOut): self = .timedOut
        // Its maker has not come to the pipes yet.
        case .pipe(let error) where error.code == ENOENT: self = .noTable
        default: self = .unusable
        }
    }
}
