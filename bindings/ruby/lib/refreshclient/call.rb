# frozen_string_literal: true

module RefreshClient
  # The upstream call that this process is to make. Good until the block returns.
  class Call
    # The single-use token to send.
    attr_reader :refresh_token
    # The organization to switch to, or nil.
    attr_reader :organization
    # 1, or 2 after a 429 of which the Answer said that it may be tried again.
    attr_reader :attempt

    def initialize(lease, refresh_token, organization, attempt) # :nodoc:
      @lease = lease
      @refresh_token = refresh_token
      @organization = organization
      @attempt = attempt
    end

    # Makes the lease last so many seconds from now, where the call takes longer than was thought.
    #
    # False means that it ran out and is somebody else's by now. An answer that comes all the same is still to be
    # returned: a success counts, whoever has the lease.
    def renew(seconds)
      @lease.renew(seconds)
    end

    # Without the token.
    def inspect
      "#<#{self.class} organization=#{organization.inspect} attempt=#{attempt}>"
    end
  end
end
