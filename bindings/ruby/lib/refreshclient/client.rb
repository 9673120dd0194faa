# frozen_string_literal: true

module RefreshClient
  # Refreshes each single-use token once, however many processes of the machine hold it; all get the same answer.
  #
  #   client = RefreshClient::Client.new(client_id: "client_123", api_key: ENV["WORKOS_API_KEY"])
  #   client.refresh(token).access_token
  #
  # Thread-safe. One that was made before a fork is good after it, and nothing is opened before the first refresh of a
  # process. Times are seconds.
  class Client
    LOG_LEVELS = { none: 0, errors: 1, warnings: 2, notices: 3, information: 4 }.freeze

    # nil stands for the library's default, which refreshclient.h names beside each option.
    #
    # client_id:: the OAuth client identifier; part of what makes two refreshes the same
    # api_key:: the API key, for #refresh without a block; nil for a public client
    # base_url:: the WorkOS API, https://api.workos.com; http only for loopback hosts
    # token_endpoint:: another provider's token endpoint, instead of base_url; #refresh then needs a block
    # directory:: where the table lives; all workers must use the same one. REFRESHD_DIRECTORY, else /run/refreshd
    #             where it exists, else one of the user's
    # ca_bundle:: a file of PEM certificates for #refresh without a block
    # request_timeout:: how long one upstream call of the library's may take, 10
    # lease:: how long a lease lasts, longer than request_timeout, 12
    # result_retention:: how long a result stays for callers that arrive late, 30
    # terminal_failure_retention:: how long a terminal failure answers new callers, 5
    # deadline:: how long #refresh may take, but for the block's own time
    # map_size:: size of the map for whoever makes the table, in bytes, a multiple of 4096
    # polls:: whether to poll the table instead of waiting on named pipes
    # fails_without_table:: whether #refresh fails where the table does, instead of refreshing without it
    # log_level:: what the library writes to standard error: one of LOG_LEVELS
    #
    # Raises ArgumentError if an option is not what it should be; the message says which.
    def initialize(client_id:, api_key: nil, base_url: nil, token_endpoint: nil, directory: nil, ca_bundle: nil,
                   request_timeout: nil, lease: nil, result_retention: nil, terminal_failure_retention: nil,
                   deadline: 30, map_size: nil, polls: false, fails_without_table: false, log_level: :warnings)
      @lease = lease
      @deadline = deadline
      @handle = Memory.open do |memory|
        options = Structures::OPTIONS.allocate(
          directory: memory.text(directory, "directory"),
          client_id: memory.text(client_id, "client_id"),
          api_key: memory.text(api_key, "api_key"),
          base_url: memory.text(base_url, "base_url"),
          token_endpoint: memory.text(token_endpoint, "token_endpoint"),
          ca_bundle: memory.text(ca_bundle, "ca_bundle"),
          request_timeout_ms: Memory.milliseconds(request_timeout, "request_timeout"),
          lease_ms: Memory.milliseconds(lease, "lease"),
          result_retention_ms: Memory.milliseconds(result_retention, "result_retention"),
          terminal_failure_retention_ms:
            Memory.milliseconds(terminal_failure_retention, "terminal_failure_retention"),
          deadline_ms: Memory.milliseconds(deadline, "deadline"),
          map_size: map_size || Library::DEFAULT,
          polls: polls ? 1 : 0,
          fails_without_table: fails_without_table ? 1 : 0,
          log_level: LOG_LEVELS.fetch(log_level) { raise ArgumentError, "log_level must be one of LOG_LEVELS" }
        )
        Client.open(options)
      end
      ObjectSpace.define_finalizer(self, Client.closer(@handle))
    end

    # Returns the upstream's answer for a token, a Result: from another caller, or made now.
    #
    # If this caller is to call the upstream, it does so with the block (or +perform+, anything that has +call+), once;
    # or, after a 429 that leaves it the choice, twice. The block gets a Call, and returns the body of a 200, as it
    # came or decoded; or an Answer, which tells failures apart so that whoever waits learns of them. What it raises,
    # this raises. However it is left (an exception, throw, return, Thread#kill), the lease is released, and whoever
    # waits gets a transient error, as the token may have been sent.
    #
    # Without a block, the library calls WorkOS itself, on a thread that goes on past this caller's deadline. Other
    # threads run meanwhile; Thread#kill, Timeout and signal handlers take effect when the call is over. With a block,
    # they take effect at once, also in a thread that waits.
    #
    # organization:: the organization to switch to, or nil to stay
    # deadline:: how long this may take, but for the block's own time
    # lease:: how long the lease lasts if this caller calls the upstream: longer than the block can take, its retries
    #         included
    # scope, resource, audience:: for providers that take them; part of what makes two refreshes the same
    # ip_address, user_agent, device_id:: of the end user, for the library's own call
    #
    # Raises SessionEndedError if the upstream ended the session, UpstreamError if it could not be reached or could not
    # answer, DeadlineExceededError, CoordinationError if the table cannot be used, and ArgumentError or TypeError if
    # an argument is not what it should be.
    def refresh(refresh_token, organization: nil, perform: nil, deadline: nil, lease: nil, scope: nil, resource: nil,
                audience: nil, ip_address: nil, user_agent: nil, device_id: nil, &block)
      raise TypeError, "refresh_token must be a String" unless refresh_token.is_a?(String)

      perform ||= block
      deadline_ms = Memory.milliseconds(deadline || @deadline, "deadline")
      Memory.open do |memory|
        request = Structures::REQUEST.allocate(
          refresh_token: memory.text(refresh_token, "refresh_token"),
          organization_id: memory.text(organization, "organization"),
          scope: memory.text(scope, "scope"),
          resource: memory.text(resource, "resource"),
          audience: memory.text(audience, "audience"),
          ip_address: memory.text(ip_address, "ip_address"),
          user_agent: memory.text(user_agent, "user_agent"),
          device_id: memory.text(device_id, "device_id"),
          deadline_ms: deadline_ms,
          lease_ms: Memory.milliseconds(lease, "lease")
        )
        if perform
          refresh = Refresh.new(@handle, request, deadline_ms, lease || @lease, perform)
          refresh.run(refresh_token, organization)
        else
          outcome = Outcome.of { |pointer| Library.refresh_workos(@handle, request, pointer) }
          outcome.result || raise(outcome.error)
        end
      end
    end

    # The directory that the table is in.
    def directory
      length = Library.directory(@handle, nil, 0)
      buffer = Fiddle::Pointer.malloc(length + 1, Fiddle::RUBY_FREE)
      Library.directory(@handle, buffer, length + 1)
      buffer.to_s.force_encoding(Encoding::UTF_8)
    end

    # What happened in this process, through this client's directory, since it started or was forked: a Hash of
    # upstream_calls (the library's own), claims, takeovers, hits, refreshed_alone and coordination_failures.
    def counts
      counts = Structures::COUNTS.allocate
      Library.get_counts(@handle, counts)
      Structures::COUNTS.read(counts).except(:size)
    end

    # Without the API key.
    def inspect
      "#<#{self.class} #{directory}>"
    end

    def self.open(options) # :nodoc:
      handle = Fiddle::Pointer.malloc(Fiddle::SIZEOF_LONG_LONG, Fiddle::RUBY_FREE)
      Outcome.error_of(but: nil) { |error| Library.open(options, handle, error) }
      handle[0, Fiddle::SIZEOF_LONG_LONG].unpack1("Q")
    end

    # Apart, so that it does not hold the client that it waits for.
    def self.closer(handle) # :nodoc:
      proc { Library.close(handle) }
    end
  end
end
