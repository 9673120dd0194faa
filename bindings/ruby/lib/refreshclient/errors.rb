# frozen_string_literal: true

module RefreshClient
  # A refresh that gave no token.
  class Error < StandardError
    # Why, in WorkOS's words: "invalid_grant", "rate_limit_exceeded", "timeout", …
    attr_reader :reason
    # Seconds that the upstream asked to wait, or nil.
    attr_reader :retry_after
    # HTTP status of the upstream's answer, or nil where there was none.
    attr_reader :status
    # X-Request-ID of the upstream's answer, or nil.
    attr_reader :request_id
    # The body of the upstream's answer, or nil. May hold a pending_authentication_token.
    attr_reader :body

    def initialize(message = nil, reason: "", retryable: false, retry_after: nil, status: nil, request_id: nil,
                   may_have_rotated: false, body: nil)
      super(message)
      @reason = reason
      @retryable = retryable
      @retry_after = retry_after
      @status = status
      @request_id = request_id
      @may_have_rotated = may_have_rotated
      @body = body
    end

    # Whether a later try with the same token may succeed; where not, the session is over.
    def retryable?
      @retryable
    end

    # Whether the token may have been rotated although no answer came.
    def may_have_rotated?
      @may_have_rotated
    end

    # Without the body, which may hold a token.
    def inspect
      "#<#{self.class}: #{message} (reason=#{reason} retryable=#{retryable?})>"
    end
  end

  # The upstream ended the session: the user signs in again.
  class SessionEndedError < Error; end

  # The upstream could not be reached or could not answer, or the block of whoever called it failed: the token is
  # likely still good.
  class UpstreamError < Error; end

  # The caller's time was up. A call that was sent goes on, and the next caller finds its result.
  class DeadlineExceededError < Error; end

  # The table, or its directory, cannot be used: the message says why, and what the operator can do.
  class CoordinationError < Error; end

  # librefreshclient.so cannot be loaded.
  class LibraryError < StandardError; end
end
