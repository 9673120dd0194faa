package import RefreshClient

/// Says what an answer means: a pure function of it, from the status and the decoded `code` or `error`, never
/// from other text.
///
/// | answer | class | reason |
/// |---|---|---|
/// | 200 with a JSON object that has `access_token` | success | |
/// | any other 2xx | transient, may have rotated | `server_error` |
/// | 3xx (never followed) | transient | `server_error` |
/// | 408 | transient | `timeout` |
/// | 429, or 4xx that says `rate_limit_exceeded` or `too_many_requests` | transient | `rate_limit_exceeded` |
/// | 4xx that says `server_error` or `temporarily_unavailable` (RFC 6749 section 4.1.2.1) | transient | `server_error` |
/// | 401, unless it says `invalid_grant`, `mfa_enrollment` or `sso_required` | terminal | `invalid_client` |
/// | other 4xx with a code: the endpoint itself refused, and would again | terminal | the code |
/// | other 4xx without one: a gateway, firewall or wrong path, which says nothing of the session | transient | `server_error` |
/// | 503: turned away before any work | transient | `server_error` |
/// | other 5xx: the work may have been done and its answer lost | transient, may have rotated | `server_error` |
package enum AnswerClassifier {
    /// What `answer` means.
    package static func classify(_ answer: ReceivedAnswer) -> UpstreamAnswer {
        guard let status = answer.status else { return .failure(TransportFailure.make(answer)) }
        if status == 200, !answer.isTooLong, TokenResponse.hasAccessToken(answer.body) {
            // However the transfer ended: an object cut short does not close, so this one is whole, and the
            // rotation it tells of is the only one there will be.
            return .success(UpstreamSuccess(body: answer.body, requestID: answer.header("x-request-id")))
        }
        return .failure(failure(answer, status: status))
    }

    private static func failure(_ answer: ReceivedAnswer, status: Int) -> UpstreamFailure {
        let verdict = (200...299).contains(status) ? success(answer, status) : refusal(answer, status)
        return UpstreamFailure(
            class: verdict.class, reason: verdict.reason, status: status, headers: answer.headers,
            // A broken success may hold the new tokens, and a failure's body goes where errors go.
            body: (200...299).contains(status) ? [] : answer.body,
            retryAfterMilliseconds: answer.header("retry-after").flatMap { RetryAfter.milliseconds($0) },
            mayHaveRotated: verdict.mayHaveRotated, detail: verdict.detail)
    }

    private struct Verdict {
        var `class` = UpstreamFailure.Class.transient
        var reason = FailureReason.serverError
        var mayHaveRotated = false
        var detail: String
    }

    private static func success(_ answer: ReceivedAnswer, _ status: Int) -> Verdict {
        let what: String
        var reason = FailureReason.serverError
        if answer.isTooLong {
            what = "a body of more than \(ReceivedAnswer.longestBody) bytes"
        } else if status != 200 {
            what = "a status that is not the endpoint's"
        } else {
            switch answer.ending {
            case .complete: what = "no JSON object with an access_token"
            case .timedOut:
                what = "a body that was not whole when time was up"
                reason = .timeout
            case .failed(let words), .notHTTP(let words): what = "a body that was cut short (\(words))"
            }
        }
        return Verdict(
            reason: reason, mayHaveRotated: true,
            detail:
                "the upstream answered \(status) with \(what); the refresh token may have been rotated all the same"
        )
    }

    private static func refusal(_ answer: ReceivedAnswer, _ status: Int) -> Verdict {
        switch status {
        case 408:
            return Verdict(reason: .timeout, detail: "the upstream gave up waiting for the request (408)")
        case 429:
            return Verdict(reason: .rateLimitExceeded, detail: "the upstream's rate limit was met (429)")
        case 400...499: return clientError(ErrorBody.names(in: answer.body), status)
        case 500...599:
            let mayHaveRotated = status != 503
            let rotated = mayHaveRotated ? "; the refresh token may have been rotated all the same" : ""
            return Verdict(
                mayHaveRotated: mayHaveRotated, detail: "the upstream failed (\(status))\(rotated)")
        default:
            return Verdict(
                detail:
                    "the upstream answered \(status), which is not followed: the base URL is probably wrong")
        }
    }

    private static func clientError(_ names: [String], _ status: Int) -> Verdict {
        let known = names.first { isTerminal($0) || transientReason($0) != nil }
        if let known, let reason = transientReason(known) {
            return Verdict(reason: reason, detail: "the upstream answered \(status) \(known)")
        }
        if known == "invalid_client" || (status == 401 && known == nil) {
            return Verdict(
                class: .terminal, reason: .invalidClient,
                detail:
                    "the upstream refused the client id or the API key (\(status)): for the operator to mend")
        }
        guard let name = known ?? names.first else {
            return Verdict(
                detail:
                    "something answered \(status) without the endpoint's error code: a gateway, or a wrong base URL"
            )
        }
        return Verdict(
            class: .terminal, reason: FailureReason(rawValue: name),
            detail: "the upstream answered \(status) \(name)")
    }

    private static func isTerminal(_ name: String) -> Bool {
        ["invalid_grant", "mfa_enrollment", "sso_required", "invalid_client"].contains(name)
    }

    private static func transientReason(_ name: String) -> FailureReason? {
        switch name {
        case "rate_limit_exceeded", "too_many_requests": .rateLimitExceeded
        case "server_error", "temporarily_unavailable": .serverError
        default: nil
        }
    }
}
