# frozen_string_literal: true

module RefreshClient
  # Copies of strings for C to read. They stay good until #wipe, which overwrites them: among them are tokens.
  class Memory # :nodoc:
    def self.open
      memory = new
      yield memory
    ensure
      memory&.wipe
    end

    def initialize
      @blocks = []
    end

    # The address of a text that ends with NUL, or of nothing for nil. A NUL within is refused: C would read another,
    # shorter text.
    def text(value, name)
      return 0 if value.nil?
      raise TypeError, "#{name} must be a String, not #{value.class}" unless value.is_a?(String)
      raise ArgumentError, "#{name} must not hold a NUL byte" if value.b.include?("\0")

      copy("#{value.b}\0")
    end

    # The address of the bytes themselves.
    def bytes(value)
      # One byte more, as C knows no block of no bytes.
      copy("#{value.b}\0")
    end

    def wipe
      @blocks.each { |block| block[0, block.size] = "\0" * block.size }
      @blocks.clear
    end

    # Seconds in the library's milliseconds. A negative number must not become its "default".
    def self.milliseconds(seconds, name)
      return Library::DEFAULT if seconds.nil?
      # Written so that NAN is refused as well.
      raise ArgumentError, "#{name} must be 0 to 86400 seconds" unless seconds >= 0 && seconds <= 86_400

      (seconds * 1000).ceil
    end

    private

    def copy(bytes)
      block = Fiddle::Pointer.malloc(bytes.bytesize, Fiddle::RUBY_FREE)
      @blocks << block
      block[0, bytes.bytesize] = bytes
      block.to_i
    end
  end
end
