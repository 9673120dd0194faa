# frozen_string_literal: true

module RefreshClient
  # A lease that this process holds, from the library's begin until its finish, fail or abandon.
  class Lease # :nodoc:
    def initialize(handle)
      @handle = handle
      @held = true
    end

    # Whether to call the upstream now. Where not, as somebody else has the lease by now and will have the result, it is
    # given up.
    def may_send?(call_timeout)
      may_send = still_ours?(:may_send, Memory.milliseconds(call_timeout, "call_timeout"))
    ensure
      abandon unless may_send
    end

    # Makes the lease last so many seconds from now; false if it is somebody else's by now.
    def renew(seconds)
      still_ours?(:renew, Memory.milliseconds(seconds, "seconds"))
    end

    # Publishes the upstream's answer. After RETRY, and an answer that the library does not take, it is still held.
    def finish(answer)
      outcome = Memory.open do |memory|
        structure = Structures::ANSWER.allocate(
          status: answer.status,
          timed_out: answer.timed_out? ? 1 : 0,
          not_sent: answer.not_sent? ? 1 : 0,
          may_retry: answer.may_retry? ? 1 : 0,
          body: memory.bytes(answer.body),
          body_length: answer.body.bytesize,
          request_id: memory.text(answer.request_id, "request_id"),
          retry_after: memory.text(answer.retry_after, "retry_after"),
          content_type: memory.text(answer.content_type, "content_type")
        )
        Outcome.of { |pointer| Library.finish(@handle, structure, pointer) }
      end
      @held = [Library::RETRY, Library::INVALID_ARGUMENT].include?(outcome.code)
      outcome
    end

    # Releases the lease, if it is still held: who waits for it gets a transient error, as the token may have been
    # sent. Returns the result if somebody has stored a success meanwhile.
    def fail(message)
      return nil unless @held

      @held = false
      Memory.open do |memory|
        # Errors are what was asked for; a stale handle is a child's that was forked in the block: not its lease.
        Outcome.of do |pointer|
          Library.fail(@handle, 0, memory.text("perform_failed", "reason"), memory.text(message, "message"), pointer)
        end.result
      end
    end

    private

    # Gives the lease up where nothing was sent.
    def abandon
      @held = false
      Library.abandon(@handle)
    end

    def still_ours?(function, milliseconds)
      Outcome.error_of(but: Library::LEASE_LOST) do |error|
        Library.public_send(function, @handle, milliseconds, error)
      end >= 0
    end
  end
end
