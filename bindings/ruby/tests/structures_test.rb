# frozen_string_literal: true

require "support"
require "tmpdir"

# Compares the structures with what a C compiler makes of refreshclient.h.
class StructuresTest < Minitest::Test
  Structures = RefreshClient::Structures

  NAMES = {
    Structures::Error => "refreshclient_error", Structures::Outcome => "refreshclient_outcome",
    Structures::Options => "refreshclient_options", Structures::Request => "refreshclient_request",
    Structures::Answer => "refreshclient_answer", Structures::Counts => "refreshclient_counts"
  }.freeze

  def test_sizes_and_offsets_are_those_of_the_c_compiler
    fields = NAMES.flat_map { |structure, name| fields(structure).map { |field| [name, field] } }
    seen = compiled(fields)
    NAMES.each do |structure, name|
      assert_equal seen[name], structure.size, "sizeof(#{name})"
      fields(structure).each do |field|
        assert_equal seen["#{name}.#{field}"], offset(structure, field), "#{name}.#{field}"
      end
    end
  end

  def test_every_field_and_code_of_the_header_is_there
    header = File.read(ENV.fetch("REFRESHCLIENT_HEADER"))
    NAMES.each do |structure, name|
      body = header[/typedef struct #{name} \{(.*?)\n\}/m, 1].gsub(%r{/\*.*?\*/}m, "")
      names = body.split(";").filter_map { |line| line[/(\w+)(\[\d+\])?\s*\z/, 1] }
      assert_equal names, fields(structure), name
    end
    codes = header.scan(/^ {4}REFRESHCLIENT_(\w+) = (-?\d+)/)
    refute_empty codes
    codes.each { |name, value| assert_equal value.to_i, RefreshClient::Library.const_get(name), name }
  end

  private

  # Names, also of a structure within.
  def fields(structure)
    structure.members.map { |name, _| name }
  end

  # Where a write to the field shows.
  def offset(structure, field)
    made = Structures.make(structure)
    made.size = 0
    before = made.to_ptr[0, structure.size]
    type = structure.types[fields(structure).index(field)]
    case made.public_send(field)
    when Integer then made.public_send(:"#{field}=", 1)
    when Fiddle::Pointer then made.public_send(:"#{field}=", 1)
    when Array then made.public_send(:"#{field}=", [1] + [0] * (type[1] - 1))
    else made.public_send(field).size = 1
    end
    made.to_ptr[0, structure.size].bytes.zip(before.bytes).index { |new, old| new != old }
  end

  def compiled(fields)
    lines = NAMES.values.map { |name| %(printf("#{name} %zu\\n", sizeof(#{name}));) }
    lines += fields.map { |name, field| %(printf("#{name}.#{field} %zu\\n", offsetof(#{name}, #{field}));) }
    Dir.mktmpdir do |folder|
      File.write("#{folder}/layout.c", <<~C)
        #include "#{File.realpath(ENV.fetch("REFRESHCLIENT_HEADER"))}"
        #include <stdio.h>
        int main(void) { #{lines.join("\n")} return 0; }
      C
      assert system("cc", "-o", "#{folder}/layout", "#{folder}/layout.c"), "the C compiler"
      IO.popen("#{folder}/layout", &:readlines).to_h { |line| line.split.then { |name, value| [name, value.to_i] } }
    end
  end
end
