import ArgumentParser
import LeaseTable
import ProcessSupport
import WorkOS

/// How refreshd ends, for service managers: codes of sysexits.h.
///
/// 0 after a stop; 64 (`EX_USAGE`), for a wrong command line, is ArgumentParser's.
enum DaemonExit: Int32 {
    /// `EX_SOFTWARE`: something that should not happen.
    case failure = 70
    /// `EX_OSERR`: a socket cannot be opened.
    case cannotListen = 71
    /// `EX_TEMPFAIL`: another process held a lock until the time was up; starting again may help.
    case timedOut = 75
    /// `EX_CONFIG`: the configuration or the directory cannot be used; starting again does not help.
    case misconfigured = 78

    var exitCode: ExitCode { ExitCode(rawValue) }

    /// The code for what ended the service.
    init(_ error: any Error) {
        if error is SystemCallError {
            self = .cannotListen
            return
        }
        if error is WorkOSConfigurationError || error is ConfigurationError {
            self = .misconfigured
            return
        }
        switch error as? LeaseTableError {
        case .some(let error) where error.isTimeout: self = .timedOut
        // Full, not misnamed: it may have room again.
        case .some(let error) where error.isLackOfSpace: self = .timedOut
        case .some: self = .misconfigured
        case nil: self = .failure
        }
    }
}
