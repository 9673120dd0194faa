/// One thing that happened, as a line of `GET /_emulator/events`.
struct EmulatorEvent: Hashable, Sendable {
    /// What happened. Raw values are the names in the stream.
    enum Kind: String, Hashable, Sendable {
        case sessionCreated = "session_created"
        case requestArrived = "request_arrived"
        case invalidClient = "invalid_client"
        case rateLimited = "rate_limited"
        case faultApplied = "fault_applied"
        case delayOver = "delay_over"
        case rotated
        case replayAccepted = "replay_accepted"
        case replayRejected = "replay_rejected"
        case tokenUnknown = "token_unknown"
        case answered
        case clientGone = "client_gone"
        case connectionReset = "connection_reset"
        case connectionClosed = "connection_closed"
        case settingsChanged = "settings_changed"
        case faultsSet = "faults_set"
        case faultsCleared = "faults_cleared"
        case statsReset = "stats_reset"
        case reset
    }

    /// 1 for the first event, without a gap; never set back.
    var sequence: UInt64
    /// `CLOCK_MONOTONIC` in nanoseconds: comparable with other processes of the machine.
    var nanoseconds: UInt64
    /// What happened.
    var kind: Kind
    /// `X-Request-ID` of the request it happened to.
    var requestID: String?
    /// The token it happened to.
    var tokenHash: TokenHash?
    /// More, by kind.
    var details: [String: JSONValue] = [:]

    /// The line as an object.
    var json: JSONValue {
        var fields = details
        fields["seq"] = .integer(Int64(clamping: sequence))
        fields["time_ns"] = .integer(Int64(clamping: nanoseconds))
        fields["event"] = .string(kind.rawValue)
        if let requestID { fields["request_id"] = .string(requestID) }
        if let tokenHash { fields["token_hash"] = .string(tokenHash.text) }
        return .object(fields)
    }
}
