# frozen_string_literal: true

require "support"

# What a refresh comes to.
class RefreshTest < Minitest::Test
  include Support

  def test_the_answer_is_the_upstreams_and_the_next_caller_gets_the_same
    client = self.client
    token = Emulator.token
    sent = nil
    result = client.refresh(token) do |call|
      assert_equal [token, nil, 1], [call.refresh_token, call.organization, call.attempt]
      sent = call_upstream(call)
    end
    assert_equal sent.body, result.body
    assert_equal Encoding::UTF_8, result.body.encoding
    assert_equal sent.request_id, result.request_id
    assert_equal JSON.parse(sent.body).values_at("access_token", "refresh_token"),
                 [result.access_token, result.refresh_token]
    assert_equal "user", result.data["user"]["object"]
    assert_equal sent.body, client.refresh(token, perform: must_not_be_called).body
    assert_equal 1, Emulator.calls(token)
    assert_operator client.counts[:hits], :>=, 1
  end

  def test_without_a_block_the_library_calls_workos
    client = self.client
    token = Emulator.token
    assert_equal "org_7", client.refresh(token, organization: "org_7").data["organization_id"]
    assert_equal 1, client.counts[:upstream_calls]
    assert_equal 1, Emulator.calls(token)
  end

  def test_a_block_may_return_a_string_a_hash_or_an_answer
    client = self.client
    body = '{"access_token":"a","note":"https://ä","number":1.0}'
    [body, JSON.parse(body), RefreshClient::Answer.new(status: 200, body: body)].each_with_index do |answer, number|
      result = client.refresh("token #{number}") { answer }
      assert_equal body, result.body
      assert_nil result.refresh_token
    end
    assert_match(/not Integer/, assert_raises(TypeError) { client.refresh("token") { 7 } }.message)
    # The lease was released: nobody waits for its end.
    assert_equal "a", client.refresh("token", deadline: 2) { body }.access_token
  end

  def test_organizations_are_refreshed_apart
    client = self.client
    organizations = []
    %w[org_1 org_2 org_1].each do |organization|
      client.refresh("token", organization: organization) do |call|
        organizations << call.organization
        { access_token: "a" }
      end
    end
    assert_equal %w[org_1 org_2], organizations
  end

  def test_a_session_that_ended_is_an_error_for_every_caller
    client = self.client
    token = Emulator.token
    Emulator.fault(token, kind: "mfa_enrollment")
    [method(:call_upstream), must_not_be_called].each do |perform|
      error = assert_raises(RefreshClient::SessionEndedError) { client.refresh(token, perform: perform) }
      assert_equal [false, "mfa_enrollment", 403], [error.retryable?, error.reason, error.status]
      assert_equal "mfa_enrollment", JSON.parse(error.body)["code"]
      refute_includes error.inspect, "pending_authentication_token"
      refute_nil error.request_id
    end
    assert_equal 1, Emulator.calls(token)
  end

  def test_a_failure_of_the_upstream_leaves_the_token_good
    client = self.client
    token = Emulator.token
    Emulator.fault(token, kind: "status", status: 503, retry_after: 1)
    error = assert_raises(RefreshClient::UpstreamError) { client.refresh(token) { |call| call_upstream(call) } }
    assert_equal [true, "server_error", 503, 1.0], [error.retryable?, error.reason, error.status, error.retry_after]
    client.refresh(token) { |call| call_upstream(call) }
    assert_equal 2, Emulator.calls(token)
  end

  def test_a_429_pauses_and_calls_the_block_once_more
    client = self.client
    token = Emulator.token
    Emulator.fault(token, kind: "status", status: 429, retry_after: 1)
    attempts = []
    taken = seconds do
      client.refresh(token) do |call|
        attempts << call.attempt
        call_upstream(call)
      end
    end
    assert_equal [1, 2], attempts
    assert_operator taken, :>=, 1

    error = assert_raises(RefreshClient::UpstreamError) do
      client.refresh("other") { RefreshClient::Answer.new(status: 429, retry_after: "3", may_retry: false) }
    end
    assert_equal ["rate_limit_exceeded", 3.0], [error.reason, error.retry_after]
  end

  def test_no_answer_says_whether_the_token_can_have_been_used
    client = self.client
    error = assert_raises(RefreshClient::UpstreamError) do
      client.refresh("token") { RefreshClient::Answer.none(timed_out: true) }
    end
    assert_equal ["timeout", nil, true], [error.reason, error.status, error.may_have_rotated?]
    error = assert_raises(RefreshClient::UpstreamError) do
      client.refresh("token") { RefreshClient::Answer.none(not_sent: true) }
    end
    assert_equal ["network_error", false], [error.reason, error.may_have_rotated?]
  end

  def test_the_lease_can_be_renewed
    client.refresh("token", lease: 12) do |call|
      assert call.renew(60)
      { access_token: "a" }
    end
  end

  def test_who_waits_gives_up_at_its_deadline
    directory = table
    child = Child.new do |parent|
      client(directory).refresh("token") do
        parent.puts "in the block"
        parent.flush
        sleep 20
      end
    end
    assert_equal "in the block", child.hear
    taken = seconds do
      error = assert_raises(RefreshClient::DeadlineExceededError) do
        client(directory).refresh("token", deadline: 0.3, perform: must_not_be_called)
      end
      assert error.retryable?
    end
    assert_in_delta 0.5, taken, 0.2
    child.kill
  end

  def test_bad_arguments_are_errors_with_a_message
    client = self.client
    {
      [""] => /refresh token/, ["a\0b"] => /refresh_token/, ["\xff"] => /refresh_token/,
      ["a" * 20_000] => /refresh_token/, ["a", { organization: "o\0" }] => /organization/,
      ["a", { deadline: -1 }] => /deadline/, ["a", { deadline: Float::NAN }] => /deadline/,
      ["a", { lease: Float::INFINITY }] => /lease/
    }.each do |(token, options), message|
      error = assert_raises(ArgumentError) { client.refresh(token, perform: must_not_be_called, **(options || {})) }
      assert_match message, error.message
    end
    assert_raises(TypeError) { client.refresh(nil) }
    assert_raises(TypeError) { client.refresh("a", organization: 7) }
    assert_raises(ArgumentError) { RefreshClient::Client.new(client_id: "") }
    assert_raises(ArgumentError) { RefreshClient::Client.new(client_id: "c", base_url: "http://example.com") }
    assert_raises(ArgumentError) { RefreshClient::Client.new(client_id: "c", request_timeout: 10, lease: 5) }
    assert_raises(ArgumentError) { RefreshClient::Client.new(client_id: "c", log_level: :loud) }
  end

  def test_no_token_is_in_what_is_inspected
    token = SecureRandom.hex
    client = self.client(api_key: "key-#{token}")
    seen = client.inspect
    result = client.refresh(token) do |call|
      seen += call.inspect + RefreshClient::Answer.new(status: 200, body: token).inspect
      { access_token: token }
    end
    seen += result.inspect
    refute_includes seen, token
  end

  def test_the_directory_and_the_version_are_told
    directory = table
    assert_equal directory, client(directory).directory
    assert_match(/\A\d+\.\d+\.\d+\z/, RefreshClient.library_version)
  end
end
