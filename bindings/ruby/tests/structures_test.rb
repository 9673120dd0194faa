# frozen_string_literal: true

require "support"
require "tmpdir"

# Compares the structures with what a C compiler makes of refreshclient.h.
class StructuresTest < Minitest::Test
  Structures = RefreshClient::Structures

  NAMES = {
    Structures::ERROR => "refreshclient_error", Structures::OUTCOME => "refreshclient_outcome",
    Structures::OPTIONS => "refreshclient_options", Structures::REQUEST => "refreshclient_request",
    Structures::ANSWER => "refreshclient_answer", Structures::COUNTS => "refreshclient_counts"
  }.freeze

  def test_sizes_and_offsets_are_those_of_the_c_compiler
    expected = compiled
    NAMES.each do |layout, name|
      assert_equal expected["#{name}."], layout.size, "sizeof(#{name})"
      layout.fields.each do |field, directive|
        assert_equal expected["#{name}.#{field}"], layout.offset(field), "offset of #{name}.#{field}"
        length = ([0].pack(directive) rescue [""].pack(directive)).bytesize
        assert_equal expected["#{name}.#{field} size"], length, "size of #{name}.#{field}"
      end
    end
  end

  def test_every_field_and_code_of_the_header_is_there
    header = File.read(ENV.fetch("REFRESHCLIENT_HEADER"))
    NAMES.each do |layout, name|
      body = header[/typedef struct #{name} \{(.*?)\n\}/m, 1].gsub(%r{/\*.*?\*/}m, "")
      names = body.split(";").filter_map { |line| line[/(\w+)(\[\d+\])?\s*\z/, 1] }
      assert_equal names, layout.fields.keys.map(&:to_s), name
    end
    codes = header.scan(/^ {4}REFRESHCLIENT_(\w+) = (-?\d+)/)
    refute_empty codes
    codes.each { |name, value| assert_equal value.to_i, RefreshClient::Library.const_get(name), name }
  end

  def test_what_is_written_is_read
    memory = Structures::REQUEST.allocate(refresh_token: 5, deadline_ms: -1)
    Structures::REQUEST.write(memory, :deadline_ms, 1 << 40)
    read = Structures::REQUEST.read(memory)
    assert_equal [88, 5, 1 << 40, 0], read.values_at(:size, :refresh_token, :deadline_ms, :lease_ms)
  end

  private

  # What a C program says of the header's structures.
  def compiled
    lines = NAMES.flat_map do |layout, name|
      fields = layout.fields.keys.flat_map do |field|
        [%(printf("#{name}.#{field}\\t%zu\\n", offsetof(#{name}, #{field}));),
         %(printf("#{name}.#{field} size\\t%zu\\n", sizeof(((#{name} *)0)->#{field}));)]
      end
      [%(printf("#{name}.\\t%zu\\n", sizeof(#{name}));), *fields]
    end
    Dir.mktmpdir do |folder|
      File.write("#{folder}/layout.c", <<~C)
        #include "#{File.realpath(ENV.fetch("REFRESHCLIENT_HEADER"))}"
        #include <stdio.h>
        int main(void) { #{lines.join("\n")} return 0; }
      C
      assert system("cc", "-o", "#{folder}/layout", "#{folder}/layout.c"), "the C compiler"
      IO.popen("#{folder}/layout", &:readlines).to_h { |line| line.split("\t").then { |name, size| [name, size.to_i] } }
    end
  end
end
