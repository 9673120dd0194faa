# frozen_string_literal: true

require "fiddle"

module RefreshClient
  # librefreshclient.so: named by REFRESHCLIENT_LIBRARY, else beside this file, else where the dynamic linker finds it.
  #
  # Loading it opens nothing and starts no thread, so that a master may do it before it forks. Fiddle lets other
  # threads run while a function is under way, but a thread inside one cannot be interrupted.
  module Library # :nodoc:
    SONAME = "librefreshclient.so.1"

    OK = 0
    HOLDER = 1
    WAIT = 2
    RETRY = 3
    SESSION_ENDED = -1
    UPSTREAM_FAILED = -2
    DEADLINE_EXCEEDED = -3
    COORDINATION_FAILED = -4
    DIRECTORY_UNUSABLE = -5
    INVALID_ARGUMENT = -6
    STALE_HANDLE = -7
    LEASE_LOST = -8
    RESOURCES_EXHAUSTED = -9
    CALLBACK_FAILED = -10

    # REFRESHCLIENT_DEFAULT.
    DEFAULT = -1

    pointer = Fiddle::TYPE_VOIDP
    int32 = Fiddle::TYPE_INT
    int64 = Fiddle::TYPE_LONG_LONG
    handle = -Fiddle::TYPE_LONG_LONG

    SIGNATURES = {
      version: [[], pointer],
      open: [[pointer, pointer, pointer], int32],
      close: [[handle], int32],
      directory: [[handle, pointer, Fiddle::TYPE_SIZE_T], int64],
      refresh_workos: [[handle, pointer, pointer], int32],
      begin_nonblocking: [[handle, pointer, pointer], int32],
      resume: [[handle, pointer], int32],
      cancel: [[handle], int32],
      may_send: [[handle, int64, pointer], int32],
      renew: [[handle, int64, pointer], int32],
      finish: [[handle, pointer, pointer], int32],
      fail: [[handle, int32, pointer, pointer, pointer], int32],
      abandon: [[handle], int32],
      outcome_free: [[pointer], Fiddle::TYPE_VOID],
      get_counts: [[handle, pointer], int32]
    }.freeze

    def self.path
      beside = File.join(__dir__, "librefreshclient.so")
      ENV["REFRESHCLIENT_LIBRARY"] || (File.exist?(beside) ? beside : SONAME)
    end

    begin
      shared_object = Fiddle.dlopen(path)
      SIGNATURES.each do |name, (arguments, result)|
        function = Fiddle::Function.new(shared_object["refreshclient_#{name}"], arguments, result)
        define_singleton_method(name) { |*values| function.call(*values) }
      end
    rescue Fiddle::DLError => error
      raise LibraryError, "#{error.message} (REFRESHCLIENT_LIBRARY may say where librefreshclient.so is)"
    end
  end
end
