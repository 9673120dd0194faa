# frozen_string_literal: true

require "support"

# The examples of the README run.
class ReadmeTest < Minitest::Test
  include Support

  def test_the_examples_run
    examples = File.read(File.join(__dir__, "../README.md")).scan(/^```ruby\n(.*?)^```$/m).flatten
    assert_equal 2, examples.size
    before = ENV.to_h
    ENV.update("REFRESHD_DIRECTORY" => table, "WORKOS_CLIENT_ID" => "client_ruby", "WORKOS_API_KEY" => "sk_ruby",
               "WORKOS_BASE_URL" => Emulator.url)
    scope = binding
    tokens = { token: Emulator.token, other_token: Emulator.token }
    tokens.each { |name, token| scope.local_variable_set(name, token) }
    session, switched, sign_out, error = scope.eval("#{examples.join}\n[session, switched, sign_out, error]")
    assert_nil sign_out, error&.message
    refute_equal tokens[:token], session[:refresh]
    assert_equal "user", session[:user]["object"]
    assert_equal "org_123", switched.data["organization_id"]
    assert_equal([1, 1], tokens.values.map { |token| Emulator.calls(token) })
  ensure
    ENV.replace(before)
  end
end
