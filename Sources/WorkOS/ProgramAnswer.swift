public import RefreshClient

/// The answer to an upstream call that a program has made by its own means, to be classified as if this library had made
/// it. A plain value: thread- and fork-safe.
public struct ProgramAnswer: Sendable {
    /// The longest body that is accepted.
    public static let longestBody = ReceivedAnswer.longestBody

    private let received: ReceivedAnswer

    /// An answer that came.
    ///
    /// - Parameters:
    ///   - status: The HTTP status.
    ///   - body: As it came, ``longestBody`` bytes at the most.
    ///   - requestID: `X-Request-ID`.
    ///   - retryAfter: `Retry-After`: seconds or an HTTP date.
    ///   - contentType: `Content-Type`.
    public init(
        status: Int, body: [UInt8], requestID: String? = nil, retryAfter: String? = nil, contentType: String? = nil
    ) {
        var headers: [UpstreamFailure.Header] = []
        if let contentType { headers.append(UpstreamFailure.Header(name: "Content-Type", value: contentType)) }
        if let retryAfter { headers.append(UpstreamFailure.Header(name: "Retry-After", value: retryAfter)) }
        if let requestID { headers.append(UpstreamFailure.Header(name: "X-Request-ID", value: requestID)) }
        received = ReceivedAnswer(
            status: status, headers: headers, body: body, isTooLong: body.count > Self.longestBody)
    }

    /// None came.
    ///
    /// - Parameters:
    ///   - timedOut: Whether time was up, rather than the network failing.
    ///   - notSent: Whether the upstream certainly has not got the request.
    public init(noneBecauseTimedOut timedOut: Bool, notSent: Bool) {
        received = ReceivedAnswer(
            mayHaveBeenSent: !notSent, ending: timedOut ? .timedOut : .failedInProgram)
    }

    /// What it means.
    public func classified() -> UpstreamAnswer {
        AnswerClassifier.classify(received)
    }
}
