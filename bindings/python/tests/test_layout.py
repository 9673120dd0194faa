"""The structures and numbers of the package are the header's, as a C compiler sees it."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from support import HEADER

from refreshclient import _library, _structures

STRUCTURES = {
    "refreshclient_error": _structures.ErrorStructure,
    "refreshclient_outcome": _structures.OutcomeStructure,
    "refreshclient_options": _structures.OptionsStructure,
    "refreshclient_request": _structures.RequestStructure,
    "refreshclient_answer": _structures.AnswerStructure,
    "refreshclient_counts": _structures.CountsStructure,
}
NUMBERS = [
    "OK", "HOLDER", "WAIT", "RETRY", "SESSION_ENDED", "UPSTREAM_FAILED", "DEADLINE_EXCEEDED", "COORDINATION_FAILED",
    "DIRECTORY_UNUSABLE", "INVALID_ARGUMENT", "STALE_HANDLE", "LEASE_LOST", "RESOURCES_EXHAUSTED", "CALLBACK_FAILED",
]  # fmt: skip


def seen_by_compiler(lines):
    """Compiles and runs a program of these statements; returns what it printed, line by line."""
    includes = f'#include <stddef.h>\n#include <stdio.h>\n#include <string.h>\n#include "{HEADER}"\n'
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "layout.c")
        source.write_text(includes + "int main(void) {\n" + "\n".join(lines) + "\nreturn 0;\n}\n")
        subprocess.run(["cc", "-std=c99", "-o", f"{folder}/layout", str(source)], check=True)
        run = subprocess.run([f"{folder}/layout"], check=True, capture_output=True, text=True)
    return run.stdout.splitlines()


class LayoutTests(unittest.TestCase):
    def test_sizes_and_offsets(self):
        lines, here = [], []
        for name, structure in STRUCTURES.items():
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            here.append(f"{name} {_structures.sizeof(structure)}")
            for field, *_ in structure._fields_:
                place = f"{name}, {field}"
                lines.append(f'printf("{place} %zu %zu\\n", offsetof({place}), sizeof((({name} *)0)->{field}));')
                descriptor = getattr(structure, field)
                here.append(f"{place} {descriptor.offset} {descriptor.size}")
        self.assertEqual(seen_by_compiler(lines), here)

    def test_a_new_structure_is_what_the_init_macros_make(self):
        macros = {name: f"{name.upper()}_INIT" for name in STRUCTURES}
        lines = []
        for name, macro in macros.items():
            lines.append(f"{{ {name} fresh = {macro}; const unsigned char *bytes = (const unsigned char *)&fresh;")
            lines.append('for (size_t i = 0; i < sizeof fresh; i++) printf("%02x", bytes[i]); printf("\\n"); }')
        self.assertEqual(seen_by_compiler(lines), [bytes(structure()).hex() for structure in STRUCTURES.values()])

    def test_numbers(self):
        lines = [f'printf("%d\\n", REFRESHCLIENT_{name});' for name in NUMBERS]
        self.assertEqual(seen_by_compiler(lines), [str(getattr(_library, name)) for name in NUMBERS])


if __name__ == "__main__":
    unittest.main()
