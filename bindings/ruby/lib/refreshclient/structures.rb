# frozen_string_literal: true

module RefreshClient
  # The structures of refreshclient.h, field by field in its order, as directives of Array#pack: "Q" size_t and
  # uint64_t, "J" a pointer, "q" int64_t, "l" int32_t, "Z64" char[64], "x4" padding. A test compares them with what the
  # C compiler makes of the header.
  module Structures # :nodoc:
    # One structure.
    class Layout
      attr_reader :fields, :size

      def initialize(**fields)
        @fields = fields.reject { |_, directive| directive.start_with?("x") }
        @template = fields.values.join
        @blank = @fields.transform_values { |directive| directive.match?(/[Za]/) ? "" : 0 }
        @size = @blank.values.pack(@template).bytesize
        @blank[:size] = @size if @blank.key?(:size)
        @blank.freeze
      end

      # Its bytes, with these values, its own size, and zeros elsewhere.
      def pack(**values)
        @blank.merge(values).values.pack(@template)
      end

      def unpack(bytes)
        @fields.keys.zip(bytes.unpack(@template)).to_h
      end

      # Bytes from its beginning.
      def offset(name)
        before = @fields.keys.take_while { |field| field != name }
        @blank.values_at(*before).pack(@fields.values_at(*before).join).bytesize
      end

      # Memory with these values in it, which goes with the object.
      def allocate(**values)
        Fiddle::Pointer.malloc(@size, Fiddle::RUBY_FREE).tap { |memory| memory[0, @size] = pack(**values) }
      end

      # Reads what allocated memory holds.
      def read(memory)
        unpack(memory[0, @size])
      end

      # Changes one field of allocated memory.
      def write(memory, name, value)
        bytes = [value].pack(@fields.fetch(name))
        memory[offset(name), bytes.bytesize] = bytes
      end
    end

    ERROR = Layout.new(
      size: "Q", code: "l", is_retryable: "l", http_status: "l", may_have_rotated: "l", retry_after_ms: "q",
      reason: "Z64", request_id: "Z256", message: "Z512"
    )

    OUTCOME = Layout.new(
      size: "Q", body: "J", body_length: "Q", request_id: "Z256", lease: "Q", waiter: "Q", descriptor: "l",
      wait_ms: "l", error: "a#{ERROR.size}"
    )

    OPTIONS = Layout.new(
      size: "Q", directory: "J", client_id: "J", api_key: "J", base_url: "J", token_endpoint: "J", ca_bundle: "J",
      request_timeout_ms: "q", lease_ms: "q", result_retention_ms: "q", terminal_failure_retention_ms: "q",
      deadline_ms: "q", map_size: "q", polls: "l", fails_without_table: "l", log_level: "l", padding: "x4"
    )

    REQUEST = Layout.new(
      size: "Q", refresh_token: "J", organization_id: "J", scope: "J", resource: "J", audience: "J", ip_address: "J",
      user_agent: "J", device_id: "J", deadline_ms: "q", lease_ms: "q"
    )

    ANSWER = Layout.new(
      size: "Q", status: "l", timed_out: "l", not_sent: "l", may_retry: "l", body: "J", body_length: "Q",
      request_id: "J", retry_after: "J", content_type: "J"
    )

    COUNTS = Layout.new(
      size: "Q", upstream_calls: "q", claims: "q", takeovers: "q", hits: "q", refreshed_alone: "q",
      coordination_failures: "q"
    )

    BLANK_ERROR = ERROR.pack(retry_after_ms: -1).freeze
    BLANK_OUTCOME = OUTCOME.pack(descriptor: -1, error: BLANK_ERROR).freeze

    # The text in an array of characters.
    def self.text(characters)
      characters.force_encoding(Encoding::UTF_8).scrub
    end
  end
end
