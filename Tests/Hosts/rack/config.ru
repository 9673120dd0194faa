# frozen_string_literal: true

require_relative "app"

if ENV["HOST_PRELOAD"] == "1"
  # This file runs in the master, which forks afterwards.
  page = TokenPage.new
  begin
    page.refresh(ENV["HOST_WARMUP_TOKEN"]) if ENV["HOST_WARMUP_TOKEN"]
  rescue RefreshClient::Error => error
    warn "the refresh before the fork failed: #{error.message}"
  end
  run page
else
  run(->(env) { ($page ||= TokenPage.new).call(env) })
end
