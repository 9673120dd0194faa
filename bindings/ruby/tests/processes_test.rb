# frozen_string_literal: true

require "support"

# Forked workers, and what is left behind.
class ProcessesTest < Minitest::Test
  include Support

  # Kilobytes, and how many descriptors.
  def usage
    GC.start
    [File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i, Dir["/proc/self/fd/*"].size]
  end

  # How many kilobytes the process grows by when the block runs `times` times, after a tenth of it to warm up.
  def growth(times)
    2.times { (times / 10).times { yield } }
    resident, descriptors = usage
    times.times { yield }
    grown, left = usage
    assert_equal descriptors, left, "descriptors"
    grown - resident
  end

  def test_workers_refresh_once_with_a_client_that_the_master_has_used
    client = self.client
    client.refresh("warm-up") { { access_token: "w" } }
    token = Emulator.token
    children = Array.new(8) do
      Child.new do |parent|
        parent.puts client.refresh(token) { |call| call_upstream(call) }.access_token
        parent.puts client.refresh("warm-up", perform: must_not_be_called).access_token
      end
    end
    said = children.map { |child| [child.hear, child.hear].tap { Process.wait(child.pid) } }
    assert_equal 1, said.uniq.size
    assert_equal "w", said.first.last
    assert_equal 1, Emulator.calls(token)
  end

  def test_opens_cost_no_memory_and_no_descriptor
    directory = table
    body = JSON.generate(access_token: "a" * 4_000)
    assert_operator growth(10_000) { client(directory).refresh("token") { body } }, :<, 4096
  end

  def test_a_client_that_is_gone_is_closed
    handles = handles_of_clients(50)
    GC.start
    stale = handles.count { |handle| RefreshClient::Library.close(handle) == RefreshClient::Library::STALE_HANDLE }
    # The stack may still show the collector a few.
    assert_operator stale, :>=, 40
  end

  def handles_of_clients(count)
    Array.new(count) do |number|
      RefreshClient::Client.new(client_id: "client_#{number}").instance_variable_get(:@handle)
    end
  end

  def test_refreshes_that_fail_cost_no_memory
    client = self.client
    assert_operator growth(5_000) { assert_raises(KeyError) { client.refresh("token") { raise KeyError } } }, :<, 4096
  end
end
