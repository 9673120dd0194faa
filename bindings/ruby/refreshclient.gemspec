# frozen_string_literal: true

require_relative "lib/refreshclient/version"

Gem::Specification.new do |gem|
  gem.name = "refreshclient"
  gem.version = RefreshClient::VERSION
  gem.summary = "Refreshes each single-use OAuth token once, however many Puma or Unicorn workers hold it"
  gem.authors = ["refreshd"]
  gem.required_ruby_version = ">= 3.1"
  # librefreshclient.so is in the gem where it was copied beside library.rb before `gem build`.
  gem.files = Dir.chdir(__dir__) { Dir["lib/**/*.{rb,so}"] + ["README.md"] }
end
