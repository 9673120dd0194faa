"""The README's Python runs as it stands there."""

import os
import re
import unittest
from unittest import mock

from support import API_KEY, CLIENT_ID, ROOT, TableTest

import refreshclient

README = ROOT / "bindings" / "python" / "README.md"


class ReadmeTests(TableTest):
    def test_every_block_runs(self):
        blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 4)
        environment = {
            "WORKOS_CLIENT_ID": CLIENT_ID,
            "WORKOS_API_KEY": API_KEY,
            "WORKOS_BASE_URL": self.emulator.url,
            "REFRESHD_DIRECTORY": self.directory,
        }
        names = {}
        with mock.patch.dict(os.environ, environment):
            for block in blocks:
                # Each of its own, as one token for several organizations is one token to WorkOS.
                names["token"] = self.new_token()
                exec(compile(block, str(README), "exec"), names)
                self.assertEqual(self.calls(names["token"]), 1, block)
        self.addCleanup(names["client"].close)
        self.addCleanup(names["sdk"].close)
        self.assertEqual(names["client"].directory, self.directory)
        self.assertTrue(names["result"].refresh_token)

    def test_every_error_is_in_the_table(self):
        table = set(re.findall(r"^\| `(\w+)`", README.read_text(), re.MULTILINE))
        errors = {name for name in refreshclient.__all__ if name.endswith("Error")} - {"RefreshError"}
        self.assertEqual(table, errors)


if __name__ == "__main__":
    unittest.main()
