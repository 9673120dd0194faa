# frozen_string_literal: true

require "support"

# The lease is released however the block is left.
class ReleaseTest < Minitest::Test
  include Support

  # A child gets the lease, and leaves the block in some way as soon as this process waits for it. It does not end then:
  # what this process gets is the lease's release, and not the kernel's word of a death.
  def wait_while_child_leaves(&leave)
    directory = table
    this = Process.pid
    child = Child.new do |parent|
      refresh = lambda do
        client(directory).refresh("token") do
          parent.puts "in the block"
          parent.flush
          await_waiter(this, directory)
          leave.call
        end
      end
      begin
        catch(:leave) { refresh.call }
      rescue Exception # rubocop:disable Lint/RescueException -- SystemExit as well
        nil
      end
      sleep 20
    end
    assert_equal "in the block", child.hear
    assert_raises(RefreshClient::UpstreamError) do
      client(directory).refresh("token", deadline: 10, perform: must_not_be_called)
    end
  ensure
    child.kill
  end

  def assert_released(error, how)
    assert_equal ["perform_failed", true, true], [error.reason, error.retryable?, error.may_have_rotated?]
    assert_match how, error.message
  end

  def test_an_exception_is_what_that_caller_sees_and_the_lease_is_released
    client = self.client
    exception = RuntimeError.new("boom")
    assert_same exception, assert_raises(RuntimeError) { client.refresh("token") { raise exception } }
    assert_raises(StopIteration) { client.refresh("token") { raise StopIteration } }
    assert_operator seconds { client.refresh("token") { { access_token: "a" } } }, :<, 1
  end

  def test_an_exception_is_a_transient_error_for_who_waits
    error = wait_while_child_leaves { raise "a secret" }
    assert_released error, /RuntimeError/
    refute_includes error.message, "secret"
  end

  def test_exit_releases_the_lease
    assert_released wait_while_child_leaves { exit }, /was left/
  end

  def test_throw_releases_the_lease
    assert_released wait_while_child_leaves { throw :leave }, /was left/
  end

  def test_return_from_the_block_releases_the_lease
    client = self.client
    assert_equal :returned, refresh_and_return(client)
    assert_operator seconds { client.refresh("token") { { access_token: "a" } } }, :<, 1
  end

  def refresh_and_return(client)
    client.refresh("token") { return :returned }
  end

  def test_a_killed_thread_releases_the_lease
    client = self.client
    inside = Queue.new
    thread = Thread.new do
      client.refresh("token") do
        inside << true
        sleep
      end
    end
    inside.pop
    thread.kill
    thread.join
    assert_operator seconds { client.refresh("token") { { access_token: "a" } } }, :<, 1
  end

  def test_a_timeout_in_the_block_releases_the_lease
    client = self.client
    assert_raises(Timeout::Error) { Timeout.timeout(0.1) { client.refresh("token") { sleep } } }
    assert_operator seconds { client.refresh("token") { { access_token: "a" } } }, :<, 1
  end

  def test_who_waits_takes_over_from_a_killed_process
    directory = table
    this = Process.pid
    child = Child.new do |parent|
      client(directory).refresh("token") do
        parent.puts "in the block"
        parent.flush
        await_waiter(this, directory)
        Process.kill(:KILL, Process.pid)
      end
    end
    assert_equal "in the block", child.hear
    client = self.client(directory)
    assert_equal "b", client.refresh("token") { { access_token: "b" } }.access_token
    assert_equal 1, client.counts[:takeovers]
    Process.wait(child.pid)
  end

  def test_a_child_forked_in_the_block_does_not_release_the_lease
    result = client.refresh("token") do
      _, status = Process.wait2(fork { exit })
      assert status.success?
      { access_token: "a" }
    end
    assert_equal "a", result.access_token
  end

  def test_who_was_stopped_past_its_lease_does_not_call_again
    directory = table
    # The lease lasts for pause + request timeout + margin after a 429: 1 + 0.2 + 2 seconds.
    options = { request_timeout: 0.2, lease: 0.5 }
    child = Child.new do |parent|
      calls = 0
      result = client(directory, **options).refresh("token") do
        calls += 1
        parent.puts "in the block"
        parent.flush
        RefreshClient::Answer.new(status: 429, retry_after: "1")
      end
      parent.puts "#{calls} #{result.access_token}"
    end
    assert_equal "in the block", child.hear
    # Time to begin the pause, with the lease kept. Stopped before that, it loses the lease sooner: all the same.
    sleep 0.3
    Process.kill(:STOP, child.pid)
    assert_equal "b", client(directory, **options).refresh("token") { { access_token: "b" } }.access_token
    Process.kill(:CONT, child.pid)
    assert_equal "1 b", child.hear
    Process.wait(child.pid)
  end

  def test_who_fails_after_its_lease_has_gone_to_another_one_gets_that_ones_answer
    directory = table
    options = { request_timeout: 0.2, lease: 0.5 }
    child = Child.new do |parent|
      result = client(directory, **options).refresh("token") do
        parent.puts "in the block"
        parent.flush
        sleep 0.002 until File.exist?("#{directory}/taken-over")
        RefreshClient::Answer.new(status: 503)
      end
      parent.puts result.access_token
    end
    assert_equal "in the block", child.hear
    result = client(directory, **options).refresh("token") do |call|
      call.renew(20)
      FileUtils.touch("#{directory}/taken-over")
      await_waiter(child.pid, directory)
      { access_token: "b" }
    end
    assert_equal "b", result.access_token
    assert_equal "b", child.hear
    Process.wait(child.pid)
  end
end
