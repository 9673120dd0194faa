import LeaseTable

extension RefreshConfiguration {
    /// How long nobody should ask again: what the upstream said, or for a 429 without a word, the default.
    func pause(askedBy failure: UpstreamFailure) -> Duration {
        guard let asked = failure.retryAfterMilliseconds, asked > 0 else { return defaultRetryPause }
        return min(max(.milliseconds(asked), shortestRetryPause), longestRetryPause)
    }
}
