# frozen_string_literal: true

module RefreshClient
  # What a function of the library says.
  class Outcome # :nodoc:
    CLASSES = {
      Library::SESSION_ENDED => SessionEndedError,
      Library::UPSTREAM_FAILED => UpstreamError,
      Library::CALLBACK_FAILED => UpstreamError,
      Library::DEADLINE_EXCEEDED => DeadlineExceededError,
      Library::COORDINATION_FAILED => CoordinationError,
      Library::DIRECTORY_UNUSABLE => CoordinationError,
      Library::RESOURCES_EXHAUSTED => CoordinationError
    }.freeze

    attr_reader :code

    # Yields the structure, takes what the function returns, and frees what the library put there.
    def self.of
      structure = Structures.make(Structures::Outcome, descriptor: -1)
      structure.error.size = Structures::Error.size
      structure.error.retry_after_ms = -1
      new(yield(structure.to_ptr), structure)
    ensure
      Library.outcome_free(structure.to_ptr) if structure
    end

    # As .of, for the functions that fill in an error alone. Returns the code where that is none of them.
    def self.error_of(but:)
      error = Structures.make(Structures::Error, retry_after_ms: -1)
      code = yield error.to_ptr
      raise exception(code, error, nil) if code.negative? && code != but

      code
    end

    def self.exception(code, error, body)
      message = Structures.text(error.message)
      message = "refreshclient returned #{code}" if message.empty?
      return ArgumentError.new(message) if code == Library::INVALID_ARGUMENT

      request_id = Structures.text(error.request_id)
      CLASSES.fetch(code, Error).new(
        message,
        reason: Structures.text(error.reason),
        retryable: !error.is_retryable.zero?,
        retry_after: error.retry_after_ms.negative? ? nil : error.retry_after_ms / 1000.0,
        status: error.http_status.zero? ? nil : error.http_status,
        request_id: request_id.empty? ? nil : request_id,
        may_have_rotated: !error.may_have_rotated.zero?,
        body: body
      )
    end

    def initialize(code, structure)
      @code = code
      @body = structure.body.null? ? nil : structure.body[0, structure.body_length].force_encoding(Encoding::UTF_8)
      @request_id = Structures.text(structure.request_id) if code == Library::OK
      @lease = structure.lease
      @waiter = structure.waiter
      @descriptor = structure.descriptor
      @wait_ms = structure.wait_ms
      @error = Outcome.exception(code, structure.error, @body) if code.negative?
    end

    attr_reader :lease, :waiter, :error

    def result
      Result.new(@body, @request_id.empty? ? nil : @request_id) if code == Library::OK
    end

    # After WAIT: until it is time to resume. Other threads and fibers run, and this one can be interrupted.
    def wait
      return pause if @descriptor.negative?

      # Not closed with the object: the descriptor is the library's.
      IO.for_fd(@descriptor, "r", autoclose: false).wait_readable(@wait_ms / 1000.0)
    end

    # After RETRY: what the upstream asked for.
    def pause
      sleep(@wait_ms / 1000.0)
    end
  end
end
