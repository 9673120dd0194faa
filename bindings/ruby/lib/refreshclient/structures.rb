# frozen_string_literal: true

require "fiddle/struct"
require "fiddle/cparser"
require "fiddle/import"

module RefreshClient
  # The structures of refreshclient.h, field by field in its order.
  module Structures # :nodoc:
    extend Fiddle::Importer

    ERROR_FIELDS = [
      "size_t size", "int32_t code", "int32_t is_retryable", "int32_t http_status", "int32_t may_have_rotated",
      "int64_t retry_after_ms", "char reason[64]", "char request_id[256]", "char message[512]"
    ].freeze

    Error = struct(ERROR_FIELDS)

    Outcome = struct(
      [
        "size_t size", "void *body", "size_t body_length", "char request_id[256]", "uint64_t lease",
        "uint64_t waiter", "int32_t descriptor", "int32_t wait_ms", { "error" => ERROR_FIELDS }
      ]
    )

    Options = struct(
      [
        "size_t size", "void *directory", "void *client_id", "void *api_key", "void *base_url",
        "void *token_endpoint", "void *ca_bundle", "int64_t request_timeout_ms", "int64_t lease_ms",
        "int64_t result_retention_ms", "int64_t terminal_failure_retention_ms", "int64_t deadline_ms",
        "int64_t map_size", "int32_t polls", "int32_t fails_without_table", "int32_t log_level"
      ]
    )

    Request = struct(
      [
        "size_t size", "void *refresh_token", "void *organization_id", "void *scope", "void *resource",
        "void *audience", "void *ip_address", "void *user_agent", "void *device_id", "int64_t deadline_ms",
        "int64_t lease_ms"
      ]
    )

    Answer = struct(
      [
        "size_t size", "int32_t status", "int32_t timed_out", "int32_t not_sent", "int32_t may_retry", "void *body",
        "size_t body_length", "void *request_id", "void *retry_after", "void *content_type"
      ]
    )

    Counts = struct(
      [
        "size_t size", "int64_t upstream_calls", "int64_t claims", "int64_t takeovers", "int64_t hits",
        "int64_t refreshed_alone", "int64_t coordination_failures"
      ]
    )

    # A new structure with its size and these values set, and zeros elsewhere. Its memory goes with the object.
    def self.make(structure, **values)
      made = structure.malloc(Fiddle::RUBY_FREE)
      made.to_ptr[0, structure.size] = "\0" * structure.size
      made.size = structure.size
      values.each { |name, value| made.public_send(:"#{name}=", value) }
      made
    end

    # The text in an array of characters.
    def self.text(characters)
      characters.pack("c*").unpack1("Z*").force_encoding(Encoding::UTF_8).scrub
    end
  end
end
