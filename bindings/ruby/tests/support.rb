# frozen_string_literal: true

require "digest"
require "fileutils"
require "json"
require "minitest/autorun"
require "net/http"
require "refreshclient"
require "securerandom"
require "timeout"

JSON_TYPE = { "Content-Type" => "application/json" }.freeze

# The running emulator.
module Emulator
  class << self
    def url
      @url ||= start
    end

    def token
      post("/_emulator/sessions", {})["refresh_token"]
    end

    def fault(token, **fault)
      post("/_emulator/faults", [fault.merge(refresh_token: token)])
    end

    def calls(token)
      hash = Digest::SHA256.hexdigest(token)[0, 16]
      JSON.parse(Net::HTTP.get(URI("#{url}/_emulator/stats?token_hash=#{hash}")))["refresh_calls"]
    end

    private

    def start
      arguments = [ENV.fetch("WORKOS_EMULATOR"), "--user-limit", "off", "--environment-limit", "off"]
      @output = IO.popen(arguments)
      Support.at_end { Process.kill(:TERM, @output.pid) }
      @output.gets[%r{http://\S+}]
    end

    def post(path, body)
      JSON.parse(Net::HTTP.post(URI(url + path), JSON.generate(body), JSON_TYPE).body)
    end
  end
end

# What the tests share.
module Support
  # As at_exit, but not in forked children.
  def self.at_end
    owner = Process.pid
    Minitest.after_run { yield if Process.pid == owner }
  end

  # A directory of its own for each test's table.
  def table
    base = File.writable?("/dev/shm") ? "/dev/shm" : Dir.tmpdir
    directory = "#{base}/ruby-test-#{SecureRandom.hex(6)}"
    Dir.mkdir(directory, 0o700)
    Support.at_end { FileUtils.rm_rf(directory) }
    directory
  end

  def client(directory = table, **options)
    RefreshClient::Client.new(client_id: "client_ruby", base_url: Emulator.url, directory: directory, **options)
  end

  def call_upstream(call)
    body = { grant_type: "refresh_token", client_id: "client_ruby", refresh_token: call.refresh_token,
             organization_id: call.organization }.compact
    uri = URI("#{Emulator.url}/user_management/authenticate")
    RefreshClient::Answer.from_net_http(Net::HTTP.post(uri, JSON.generate(body), JSON_TYPE))
  end

  def must_not_be_called
    ->(_) { flunk "the upstream is called, where a result should be there" }
  end

  def seconds
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun
  end

  # Returns once a process waits for a lease: it has the wake pipe of another one open, for reading alone.
  def await_waiter(pid, directory)
    Timeout.timeout(20) do
      sleep 0.002 until Dir["/proc/#{pid}/fd/*"].any? do |descriptor|
        File.readlink(descriptor).start_with?("#{directory}/pipes/") && (File.lstat(descriptor).mode & 0o200).zero?
      rescue Errno::ENOENT
        false
      end
    end
  end

  # A forked child, which tells its parent things with the IO that the block gets.
  class Child
    attr_reader :pid

    def initialize
      Emulator.url
      @reader, writer = IO.pipe
      @pid = fork do
        @reader.close
        begin
          yield writer
        rescue StandardError => error
          writer.puts "#{error.class}: #{error.message}"
        end
        writer.flush
        exit!
      end
      writer.close
    end

    # The line that the child writes next.
    def hear
      Timeout.timeout(20) { @reader.gets&.chomp }
    end

    def kill
      Process.kill(:KILL, @pid)
      Process.wait(@pid)
    end
  end
end
