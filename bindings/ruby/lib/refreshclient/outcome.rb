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
      memory = Fiddle::Pointer.malloc(Structures::OUTCOME.size, Fiddle::RUBY_FREE)
      memory[0, memory.size] = Structures::BLANK_OUTCOME
      new(yield(memory), Structures::OUTCOME.read(memory))
    ensure
      Library.outcome_free(memory) if memory
    end

    # As .of, for the functions that fill in an error alone. Returns the code where that is none, or +but+.
    def self.error_of(but:)
      memory = Structures::ERROR.allocate(retry_after_ms: -1)
      code = yield memory
      raise exception(code, Structures::ERROR.read(memory), nil) if code.negative? && code != but

      code
    end

    def self.exception(code, error, body)
      message = Structures.text(error[:message])
      message = "refreshclient returned #{code}" if message.empty?
      return ArgumentError.new(message) if code == Library::INVALID_ARGUMENT

      request_id = Structures.text(error[:request_id])
      CLASSES.fetch(code, Error).new(
        message,
        reason: Structures.text(error[:reason]),
        retryable: !error[:is_retryable].zero?,
        retry_after: error[:retry_after_ms].negative? ? nil : error[:retry_after_ms] / 1000.0,
        status: error[:http_status].zero? ? nil : error[:http_status],
        request_id: request_id.empty? ? nil : request_id,
        may_have_rotated: !error[:may_have_rotated].zero?,
        body: body
      )
    end

    def initialize(code, fields)
      @code = code
      @body = bytes_at(fields[:body], fields[:body_length])&.force_encoding(Encoding::UTF_8)
      @request_id = Structures.text(fields[:request_id])
      @lease = fields[:lease]
      @waiter = fields[:waiter]
      @descriptor = fields[:descriptor]
      @wait_ms = fields[:wait_ms]
      @error = Outcome.exception(code, Structures::ERROR.unpack(fields[:error]), @body) if code.negative?
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

    private

    def bytes_at(address, length)
      Fiddle::Pointer.new(address)[0, length] unless address.zero?
    end
  end
end
