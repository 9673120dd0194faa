# frozen_string_literal: true

require_relative "lib/refreshclient/version"

Gem::Specification.new do |gem|
  gem.name = "refreshclient"
  gem.version = RefreshClient::VERSION
  gem.summary = "Refreshes each single-use OAuth token once, however many Puma or Unicorn workers hold it"
  gem.authors = ["refreshd"]
  gem.required_ruby_version = ">= 3.1"
  # build-gem puts librefreshclient.so beside library.rb: the gem is then for this kind of machine.
  gem.files = Dir.chdir(__dir__) { Dir["lib/**/*.{rb,so}"] + ["README.md"] }
  gem.platform = Gem::Platform::CURRENT if gem.files.any? { |file| file.end_with?(".so") }
end
