"""One line per check."""

import os
import sys


class Report:
    """Prints checks and counts them. Coloured on a terminal, unless NO_COLOR says not to."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.codes = {"ok": "\033[32m", "FAIL": "\033[31m", "bold": "\033[1m"} if coloured else {}
        self.live = coloured

    def _paint(self, kind, text):
        return f"{self.codes[kind]}{text}\033[0m" if kind in self.codes else text

    def heading(self, text):
        print(f"\n{self._paint('bold', text)}", flush=True)

    def note(self, text):
        self._clear()
        print(f"      {text}", flush=True)

    def progress(self, text):
        """Shows how far it is, on a terminal only; the next line takes its place."""
        if self.live:
            print(f"\r\033[K      {text}", end="", flush=True)

    def _clear(self):
        if self.live:
            print("\r\033[K", end="")

    def that(self, what, held, seen=""):
        """One check: what must hold, whether it does, and the figures seen."""
        self._clear()
        kind = "ok" if held else "FAIL"
        self.passed += held
        self.failed += not held
        print(f"{self._paint(kind, f'{kind:4}')}  {what}{f': {seen}' if seen else ''}", flush=True)

    def end(self, seconds):
        print(f"\n{self.passed} passed, {self.failed} failed, in {seconds:.0f} s", flush=True)
