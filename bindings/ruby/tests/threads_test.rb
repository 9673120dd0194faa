# frozen_string_literal: true

require "support"

# Threads of one process, and those that wait for another one.
class ThreadsTest < Minitest::Test
  include Support

  # Yields while another process holds the lease of "token" in the directory, and is in its block.
  def while_held(directory)
    child = Child.new do |parent|
      client(directory).refresh("token") do
        parent.puts "in the block"
        parent.flush
        sleep 30
      end
    end
    assert_equal "in the block", child.hear
    yield
  ensure
    child.kill
  end

  # How often another thread runs while the block does.
  def turns
    count = 0
    other = Thread.new do
      loop do
        count += 1
        sleep 0.001
      end
    end
    yield
    count
  ensure
    other.kill
    other.join
  end

  def test_threads_share_one_call
    client = self.client
    calls = Queue.new
    tokens = Array.new(20) do
      Thread.new do
        client.refresh("token") do
          calls << true
          sleep 0.2
          { access_token: "a" }
        end.access_token
      end
    end.map(&:value)
    assert_equal ["a"], tokens.uniq
    assert_equal 1, calls.size
  end

  def test_other_threads_run_while_one_waits
    directory = table
    while_held(directory) do
      count = turns do
        assert_raises(RefreshClient::DeadlineExceededError) do
          client(directory).refresh("token", deadline: 0.5, perform: must_not_be_called)
        end
      end
      assert_operator count, :>, 50
    end
  end

  def test_other_threads_run_while_the_library_calls
    token = Emulator.token
    Emulator.fault(token, kind: "delay", delay_ms: 500)
    count = turns { client.refresh(token) }
    assert_operator count, :>, 50
  end

  def test_a_thread_that_waits_can_be_killed
    directory = table
    while_held(directory) do
      thread = Thread.new { client(directory).refresh("token", perform: must_not_be_called) }
      await_waiter(Process.pid, directory)
      assert_operator(seconds { thread.kill && thread.join }, :<, 1)
    end
    # Its wait was given up: it holds no descriptor.
    assert_raises(Timeout::Error) { Timeout.timeout(0.1) { await_waiter(Process.pid, directory) } }
  end

  def test_a_timeout_reaches_a_thread_that_waits
    directory = table
    while_held(directory) do
      taken = seconds do
        assert_raises(Timeout::Error) do
          Timeout.timeout(0.3) { client(directory).refresh("token", perform: must_not_be_called) }
        end
      end
      assert_in_delta 0.5, taken, 0.3
    end
  end

  def test_a_wait_without_pipes_ends_as_well
    directory = table
    inside = Queue.new
    holder = Thread.new do
      client(directory, polls: true).refresh("token") do
        inside << true
        sleep 0.3
        { access_token: "a" }
      end
    end
    inside.pop
    result = client(directory, polls: true).refresh("token", perform: must_not_be_called)
    assert_equal "a", result.access_token
    holder.join
  end

  # Wherever the interrupt comes: a lease that nobody knew of would be held until its end.
  def test_a_thread_killed_at_any_moment_keeps_no_lease
    client = self.client
    client.refresh("warm-up") { { access_token: "a" } }
    random = Random.new(7)
    800.times do |number|
      started = Queue.new
      thread = Thread.new do
        started << true
        client.refresh("token #{number}") { sleep 0.001 }
      rescue TypeError
        nil
      end
      started.pop
      Thread.pass
      nap(random.rand(400))
      thread.kill
      thread.join
      taken = seconds { client.refresh("token #{number}", deadline: 5) { { access_token: "a" } } }
      assert_operator taken, :<, 1, "after try #{number}"
    end
  end

  # Microseconds, too few to sleep.
  def nap(microseconds)
    ends = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond) + microseconds
    Thread.pass until Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond) >= ends
  end
end
