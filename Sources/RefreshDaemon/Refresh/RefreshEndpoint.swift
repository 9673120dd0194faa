import NIOHTTP1
import RefreshClient

/// Answers refreshes through the lease table, in the upstream's words.
struct RefreshEndpoint: Sendable {
    let client: RefreshClient

    /// What the upstream answered to whoever asked it, or said in its shape what stood in the way.
    ///
    /// The call goes on when the caller is cancelled.
    func answer(to request: RefreshRequest) async -> Answer {
        let client = client
        // Not a child of the caller's, so that its cancellation stays its own.
        let outcome = await Task { () -> Result<RefreshResult, any Error> in
            do { return .success(try await client.refresh(request)) } catch { return .failure(error) }
        }.value
        switch outcome {
        case .success(let result): return Self.answer(result)
        case .failure(let error): return Self.answer(to: error as? TokenRefreshError)
        }
    }

    private static func answer(_ result: RefreshResult) -> Answer {
        var headers: HTTPHeaders = ["Content-Type": "application/json; charset=utf-8"]
        if let id = result.requestID { headers.add(name: "X-Request-ID", value: id) }
        return Answer(status: .ok, headers: headers, body: result.body)
    }

    private static func answer(to error: TokenRefreshError?) -> Answer {
        guard let error else {
            return .error(.internalServerError, "server_error", "The refresh ended without words.")
        }
        if let last = error.attempts.last { return answer(last) }
        switch error.code {
        case .deadlineExceeded:
            return .error(.gatewayTimeout, "timeout", "The refresh is not over yet. Please retry.")
        case .invalidRequest: return .error(.badRequest, "invalid_request", "The refresh token cannot be one.")
        default:
            return .error(
                .serviceUnavailable, "server_error", "The refresh could not be coordinated. Please retry.",
                retryAfter: 1)
        }
    }

    /// The upstream's own failure as it was. Where it gave none that can be told, one of a gateway's: what it was, and
    /// never a body that may hold tokens.
    private static func answer(_ failure: UpstreamFailure) -> Answer {
        guard let status = failure.status, (400...599).contains(status) else {
            return failure.reason == .timeout
                ? .error(.gatewayTimeout, "timeout", "The upstream did not answer in time.")
                : .error(
                    .badGateway, "\(failure.reason == .networkError ? "network_error" : "server_error")",
                    "The upstream gave no usable answer.")
        }
        var headers: HTTPHeaders = [:]
        for header in failure.headers { headers.add(name: header.name, value: header.value) }
        return Answer(status: HTTPResponseStatus(statusCode: status), headers: headers, body: failure.body)
    }
}
