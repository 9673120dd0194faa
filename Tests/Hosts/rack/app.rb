# frozen_string_literal: true

# The Rack application of the hosts puma and unicorn. Debian packages: ruby puma unicorn ruby-rack.

require "json"
require "net/http"

$LOAD_PATH.unshift(File.expand_path("../../../bindings/ruby/lib", __dir__))
require "refreshclient"

# A page that needs a fresh token.
class TokenPage
  JSON_TYPE = { "Content-Type" => "application/json" }.freeze

  def initialize
    @endpoint = URI(ENV.fetch("WORKOS_BASE_URL") + "/user_management/authenticate")
    @client = RefreshClient::Client.new(
      client_id: ENV.fetch("WORKOS_CLIENT_ID"),
      api_key: ENV.fetch("WORKOS_API_KEY"),
      base_url: ENV.fetch("WORKOS_BASE_URL")
    )
  end

  def call(env)
    case env["PATH_INFO"]
    when "/healthz" then [200, { "Content-Type" => "text/plain" }, ["ok"]]
    when "/page" then page(env["HTTP_X_REFRESH_TOKEN"].to_s)
    else [404, JSON_TYPE, ["{}"]]
    end
  end

  def refresh(token)
    @client.refresh(token) { |call| call_workos(call) }
  end

  private

  def page(token)
    [200, JSON_TYPE, [JSON.generate(access_token: refresh(token).access_token, pid: Process.pid)]]
  rescue RefreshClient::Error => error
    failure(error.reason, error.retryable?, error.message)
  rescue ArgumentError => error
    failure("invalid_request", false, error.message)
  end

  def failure(reason, retryable, message)
    [503, JSON_TYPE, [JSON.generate(error: reason, retryable: retryable, message: message)]]
  end

  def call_workos(call)
    body = {
      grant_type: "refresh_token",
      client_id: ENV.fetch("WORKOS_CLIENT_ID"),
      client_secret: ENV.fetch("WORKOS_API_KEY"),
      refresh_token: call.refresh_token,
      organization_id: call.organization
    }.compact
    http = Net::HTTP.new(@endpoint.host, @endpoint.port)
    http.max_retries = 0
    http.open_timeout = http.read_timeout = http.write_timeout = 5
    answer = http.post(@endpoint.path, JSON.generate(body), "Content-Type" => "application/json")
    RefreshClient::Answer.from_net_http(answer)
  rescue Errno::ECONNREFUSED, SocketError, Net::OpenTimeout
    RefreshClient::Answer.none(not_sent: true)
  rescue Net::ReadTimeout, Net::WriteTimeout
    RefreshClient::Answer.none(timed_out: true)
  rescue SystemCallError, EOFError
    RefreshClient::Answer.none
  end
end
