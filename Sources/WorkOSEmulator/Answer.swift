/// An answer of the emulator: status, body, and how long it asks the client to wait.
struct Answer: Hashable, Sendable {
    /// The HTTP status.
    var status: Int
    /// The body's bytes.
    var body: [UInt8]
    /// `Content-Type`.
    var contentType = "application/json; charset=utf-8"
    /// `Retry-After`, as it is sent.
    var retryAfter: String?

    /// The two shapes of the upstream's errors, and two that gateways before it add.
    enum Shape: String, CaseIterable, Hashable, Sendable {
        /// `{"error":…,"error_description":…}`
        case error
        /// `{"code":…,"message":…}`
        case code
        /// Plain text, not JSON.
        case text
        /// No body.
        case empty
    }

    /// A failure in one of the shapes.
    static func failure(
        _ status: Int, _ name: String, _ description: String, shape: Shape = .error,
        retryAfter: String? = nil, more: [String: JSONValue] = [:]
    ) -> Answer {
        var fields = more
        var answer = Answer(status: status, body: [], retryAfter: retryAfter)
        switch shape {
        case .error:
            fields["error"] = .string(name)
            fields["error_description"] = .string(description)
        case .code:
            fields["code"] = .string(name)
            fields["message"] = .string(description)
        case .text:
            answer.contentType = "text/plain; charset=utf-8"
            answer.body = Array("\(name): \(description)\n".utf8)
            return answer
        case .empty:
            return answer
        }
        // Strings, integers and objects of them: always JSON.
        answer.body = (try? JSONText.bytes(JSONValue.object(fields))) ?? []
        return answer
    }

    static let invalidGrantSpent = failure(400, "invalid_grant", "Refresh token already exchanged.")
    static let invalidGrantUnknown = failure(400, "invalid_grant", "Refresh token is not valid.")
    static let unsupportedGrant = failure(
        400, "unsupported_grant_type", "The emulator answers grant_type refresh_token only.")
    static func invalidClient(_ status: Int, _ description: String) -> Answer {
        failure(status, "invalid_client", description)
    }
    static func invalidRequest(_ description: String) -> Answer {
        failure(400, "invalid_request", description)
    }
}
