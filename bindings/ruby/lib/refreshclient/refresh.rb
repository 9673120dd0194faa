# frozen_string_literal: true

require "io/wait"

module RefreshClient
  # One refresh with the caller's own upstream call. The library is asked with begin and finish, never with a callback:
  # no exception, throw or return of Ruby's passes through its frames. It is waited for outside of it, by the
  # descriptor, so that Thread#kill and Timeout reach a thread that waits.
  class Refresh # :nodoc:
    # Seconds of its lease that a holder leaves unused: refreshclient_request's lease_ms says why.
    MARGIN = 2

    def initialize(client, request, deadline_ms, lease_seconds, perform)
      @client = client
      @request = request
      @call_timeout = lease_seconds && [lease_seconds - MARGIN, 0].max
      @perform = perform
      @end = now_ms + deadline_ms
    end

    def run(refresh_token, organization)
      # Not with `loop`, which would take a StopIteration of the block's for its own.
      until (result = result_or_call(refresh_token, organization))
        # The lease went to somebody else, before the call was sent or before it failed: theirs is the result.
        Structures::REQUEST.write(@request, :deadline_ms, [@end - now_ms, 0].max)
      end
      result
    end

    private

    def result_or_call(refresh_token, organization)
      outcome = ask { |pointer| Library.begin_nonblocking(@client, @request, pointer) }
      while outcome.code == Library::WAIT
        outcome.wait
        outcome = ask { |pointer| Library.resume(@waiter, pointer) }
      end
      raise outcome.error if outcome.error

      outcome.result || call(refresh_token, organization)
    rescue StandardError => error
      # The class only: the message is the application's, and may tell what the log must not.
      stored = Thread.handle_interrupt(Object => :never) { @lease&.fail("the upstream call raised #{error.class}") }
      stored || raise
    ensure
      Thread.handle_interrupt(Object => :never) { leave }
    end

    # Calls the library, and takes note of what it gives before an interrupt can come in between.
    def ask(&function)
      Thread.handle_interrupt(Object => :never) do
        outcome = Outcome.of(&function)
        @waiter = outcome.code == Library::WAIT ? outcome.waiter : nil
        @lease = Lease.new(outcome.lease) if outcome.code == Library::HOLDER
        outcome
      end
    end

    def call(refresh_token, organization)
      (1..).each do |attempt|
        return nil unless @lease.may_send?(@call_timeout)

        answer = Answer.from(@perform.call(Call.new(@lease, refresh_token, organization, attempt)))
        outcome = Thread.handle_interrupt(Object => :never) { @lease.finish(answer) }
        return nil if outcome.code == Library::LEASE_LOST
        raise outcome.error if outcome.error
        return outcome.result if outcome.result

        outcome.pause
      end
    end

    # However the refresh was left: by a result, an error, Thread#kill, throw, or return from the block.
    def leave
      Library.cancel(@waiter) if @waiter
      @lease&.fail("the call of the process that refreshed was left before the upstream answered")
      @waiter = @lease = nil
    end

    def now_ms
      Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)
    end
  end
end
