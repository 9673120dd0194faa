# frozen_string_literal: true

require "json"

module RefreshClient
  # The upstream's 200. All callers that refresh one token get the same bytes.
  class Result
    # The body as the upstream sent it, and the X-Request-ID of the answer or nil.
    attr_reader :body, :request_id

    def initialize(body, request_id) # :nodoc:
      @body = body.freeze
      @request_id = request_id
    end

    # The body, decoded: user, organization_id and the rest.
    def data
      @data ||= JSON.parse(@body)
    end

    def access_token
      data.fetch("access_token")
    end

    # The successor of the token that was sent; nil where the provider does not rotate.
    def refresh_token
      data["refresh_token"]
    end

    # Without the tokens.
    def inspect
      "#<#{self.class} request_id=#{request_id.inspect}>"
    end
  end
end
