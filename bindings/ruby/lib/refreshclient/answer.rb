# frozen_string_literal: true

require "json"

module RefreshClient
  # How an upstream call ended.
  class Answer
    attr_reader :status, :body, :request_id, :retry_after, :content_type

    # status:: the HTTP status; 0 where no answer came
    # body:: the body as it came, at most 65536 bytes; of a 200 a JSON object with access_token
    # request_id:: X-Request-ID
    # retry_after:: Retry-After, as it came: seconds or an HTTP date
    # content_type:: Content-Type
    # may_retry:: whether a 429 pauses and calls the block once more; false where it has tried again itself
    # timed_out:: where no answer came: whether time was up
    # not_sent:: where no answer came: whether nothing can have been sent, as the connection was refused
    def initialize(status:, body: "", request_id: nil, retry_after: nil, content_type: nil, may_retry: true,
                   timed_out: false, not_sent: false)
      @status = Integer(status)
      @body = body.to_s
      @request_id = request_id
      @retry_after = retry_after
      @content_type = content_type
      @may_retry = may_retry
      @timed_out = timed_out
      @not_sent = not_sent
    end

    # The answer that a Net::HTTPResponse is.
    def self.from_net_http(response, may_retry: true)
      new(status: response.code, body: response.body, request_id: response["X-Request-ID"],
          retry_after: response["Retry-After"], content_type: response["Content-Type"], may_retry: may_retry)
    end

    # No answer came.
    def self.none(timed_out: false, not_sent: false)
      new(status: 0, timed_out: timed_out, not_sent: not_sent)
    end

    # What a block returned, as an answer: itself, the body of a 200, or that body decoded.
    def self.from(value)
      case value
      when Answer then value
      when String then new(status: 200, body: value)
      when Hash then new(status: 200, body: JSON.generate(value))
      else raise TypeError, "the block must return a String, a Hash or a #{self}, not #{value.class}"
      end
    end

    def may_retry?
      @may_retry
    end

    def timed_out?
      @timed_out
    end

    def not_sent?
      @not_sent
    end

    # Without the body, in which the tokens are.
    def inspect
      "#<#{self.class} status=#{status} request_id=#{request_id.inspect}>"
    end
  end
end
