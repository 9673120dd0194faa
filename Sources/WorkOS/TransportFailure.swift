import RefreshClient

/// What it means that no answer came at all.
enum TransportFailure {
    static func make(_ answer: ReceivedAnswer) -> UpstreamFailure {
        var reason = FailureReason.networkError
        let words: String
        switch answer.ending {
        case .timedOut:
            reason = .timeout
            words = answer.mayHaveBeenSent ? "no answer in time" : "no connection in time"
        case .failed(let text):
            words = text
        case .notHTTP(let text):
            words = text
            if answer.mayHaveBeenSent { reason = .serverError }
        case .complete:
            reason = .serverError
            words = "the upstream sent no answer"
        }
        let rotated =
            answer.mayHaveBeenSent
            ? "the refresh token may have been rotated all the same" : "nothing was sent"
        return UpstreamFailure(
            class: .transient, reason: reason, mayHaveRotated: answer.mayHaveBeenSent,
            detail: "\(words); \(rotated)")
    }

    /// A failure on this side, before anything was sent.
    static func beforeSending(_ detail: String) -> UpstreamFailure {
        UpstreamFailure(class: .transient, reason: .networkError, detail: "\(detail); nothing was sent")
    }
}
