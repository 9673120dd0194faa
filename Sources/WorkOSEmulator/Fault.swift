/// Something that goes wrong on demand with the next calls that match.
struct Fault: Hashable, Sendable {
    /// What goes wrong. Raw values are the names in the control body.
    enum Kind: String, CaseIterable, Hashable, Sendable {
        /// A failure with `status`, `shape` and `retry_after`; no rotation.
        case status
        /// 400 `invalid_grant`, the token itself untouched.
        case invalidGrant = "invalid_grant"
        /// 403 `mfa_enrollment` with a `pending_authentication_token`.
        case mfaEnrollment = "mfa_enrollment"
        /// 403 `sso_required`.
        case ssoRequired = "sso_required"
        /// 401 `invalid_client`.
        case invalidClient = "invalid_client"
        /// No answer, no rotation, until the client leaves.
        case hang
        /// Another delay, else as usual.
        case delay
        /// Rotates at once and answers after the delay, whether the client is still there or not.
        case rotateFirst = "rotate_first"
        /// Connection reset, no rotation.
        case resetBefore = "reset_before"
        /// Rotates, then resets the connection.
        case resetAfter = "reset_after"
        /// Rotates, then closes the connection in order, without an answer.
        case dropAnswer = "drop_answer"
        /// Rotates; 200 with half the JSON, complete as HTTP.
        case malformedJSON = "malformed_json"
        /// Rotates; 200 that announces its full length, then closes after half of it.
        case cutShort = "cut_short"
        /// Rotates; 200 that is not JSON.
        case notJSON = "not_json"
        /// Rotates; 200 of at least `bytes` bytes of valid JSON.
        case oversizedBody = "oversized_body"
        /// Rotates; 200 in pieces over `body_ms`.
        case slowBody = "slow_body"
    }

    /// What goes wrong.
    var kind: Kind
    /// How many calls it still applies to.
    var count = 1
    /// The status, where the kind answers with a failure.
    var status: Int?
    /// The failure body's shape.
    var shape: Answer.Shape?
    /// `Retry-After`, as it is sent.
    var retryAfter: String?
    /// The delay instead of the setting's.
    var delay: Duration?
    /// The least length of an `oversized_body`.
    var bytes = 66_560
    /// How long a `slow_body` takes.
    var bodyTime: Duration = .seconds(1)
    /// Applies to calls with this token only.
    var tokenHash: TokenHash?
    /// Applies to calls of this user only.
    var email: String?

    /// Whether it applies to a call.
    func matches(_ token: TokenHash, email: String?) -> Bool {
        (tokenHash == nil || tokenHash == token) && (self.email == nil || self.email == email)
    }
}

extension Fault {
    private static let names: Set = [
        "kind", "count", "status", "shape", "retry_after", "delay_ms", "bytes", "body_ms", "token_hash",
        "refresh_token", "email",
    ]

    /// Reads the list of a control body.
    static func list(_ body: JSONValue) throws(ControlError) -> [Fault] {
        guard case .array(let elements) = body else {
            throw ControlError(message: "The body must be a JSON list of faults.")
        }
        guard (1...1_000).contains(elements.count) else {
            throw ControlError(message: "The list must have from 1 to 1000 faults.")
        }
        var faults: [Fault] = []
        for (place, element) in elements.enumerated() {
            faults.append(try Fault(element, path: "faults[\(place)]"))
        }
        return faults
    }

    private init(_ body: JSONValue, path: String) throws(ControlError) {
        let fields = try JSONFields(body, path: path, allowed: Self.names)
        guard let kind = Kind(rawValue: try fields.string("kind") ?? "") else {
            throw fields.wrong(
                "kind", "must be one of " + Kind.allCases.map(\.rawValue).sorted().joined(separator: ", "))
        }
        self.kind = kind
        count = try fields.integer("count", in: 1...1_000_000) ?? 1
        status = try fields.integer("status", in: 400...599)
        if kind == .status, status == nil {
            throw fields.wrong("status", "must be given for kind status, from 400 to 599")
        }
        if let name = try fields.string("shape") {
            guard let shape = Answer.Shape(rawValue: name) else {
                throw fields.wrong("shape", "must be one of error, code, text, empty")
            }
            self.shape = shape
        }
        retryAfter = try Self.retryAfter(fields)
        delay = try fields.integer("delay_ms", in: 0...3_600_000).map { .milliseconds($0) }
        bytes = try fields.integer("bytes", in: 1...16_777_216) ?? bytes
        bodyTime = try fields.integer("body_ms", in: 0...3_600_000).map { .milliseconds($0) } ?? bodyTime
        if let text = try fields.string("token_hash") {
            guard let hash = TokenHash(text: text) else {
                throw fields.wrong("token_hash", "must be the first 16 hex digits of the token's SHA-256")
            }
            tokenHash = hash
        }
        // The token is named here for convenience and kept as its hash only.
        if let token = try fields.string("refresh_token") { tokenHash = TokenHash(of: token) }
        email = try fields.string("email")
    }

    // A string is passed on as it is, so that clients can be tried with dates and nonsense.
    private static func retryAfter(_ fields: JSONFields) throws(ControlError) -> String? {
        switch fields.value("retry_after") {
        case nil: return nil
        case .integer(let seconds): return String(seconds)
        case .string(let text) where text.utf8.allSatisfy({ (32...126).contains($0) }): return text
        default: throw fields.wrong("retry_after", "must be a whole number or a string of printable ASCII")
        }
    }

    /// As `GET /_emulator/faults` shows it.
    var json: JSONValue {
        var fields: [String: JSONValue] = ["kind": .string(kind.rawValue), "count": .integer(Int64(count))]
        if let status { fields["status"] = .integer(Int64(status)) }
        if let shape { fields["shape"] = .string(shape.rawValue) }
        if let retryAfter { fields["retry_after"] = .string(retryAfter) }
        if let delay { fields["delay_ms"] = .integer(Int64(delay / .milliseconds(1))) }
        if kind == .oversizedBody { fields["bytes"] = .integer(Int64(bytes)) }
        if kind == .slowBody { fields["body_ms"] = .integer(Int64(bodyTime / .milliseconds(1))) }
        if let tokenHash { fields["token_hash"] = .string(tokenHash.text) }
        if let email { fields["email"] = .string(email) }
        return .object(fields)
    }

    /// The failure this kind answers with; `nil` for the kinds that do something else.
    var failure: Answer? {
        switch kind {
        case .status: Self.statusFailure(status ?? 500, shape: shape, retryAfter: retryAfter)
        case .invalidGrant:
            .failure(
                status ?? 400, "invalid_grant", "Refresh token already exchanged.", shape: shape ?? .error,
                retryAfter: retryAfter)
        case .mfaEnrollment:
            .failure(
                status ?? 403, "mfa_enrollment", "The user must enroll in MFA to finish authenticating.",
                shape: shape ?? .code, retryAfter: retryAfter,
                more: ["pending_authentication_token": .string(Identifier.refreshToken())])
        case .ssoRequired:
            .failure(
                status ?? 403, "sso_required",
                "User must authenticate using one of the matching connections.",
                shape: shape ?? .error, retryAfter: retryAfter)
        case .invalidClient:
            .failure(
                status ?? 401, "invalid_client", "Invalid client secret.", shape: shape ?? .error,
                retryAfter: retryAfter)
        default: nil
        }
    }

    private static func statusFailure(_ status: Int, shape: Answer.Shape?, retryAfter: String?) -> Answer {
        let (name, description) =
            switch (status, shape ?? .error) {
            case (429, .code): ("rate_limit_exceeded", "Rate limit exceeded.")
            case (429, _): ("too_many_requests", "Could not process refresh token. Please retry.")
            case (408, _): ("request_timeout", "The request took too long.")
            case (500..., _): ("server_error", "Something went wrong.")
            default: ("request_failed", "The request failed with status \(status).")
            }
        return .failure(status, name, description, shape: shape ?? .error, retryAfter: retryAfter)
    }
}
