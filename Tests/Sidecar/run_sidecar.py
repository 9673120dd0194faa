#!/usr/bin/env python3
"""Runs refreshd between clients and upstreams, over real sockets.

    Tests/Sidecar/run_sidecar.py [--programs DIRECTORY] [NAME…]

The clients are the official WorkOS Python SDK, a script that sends what the one for Node sends, linked workers and plain
sockets; the upstreams workos-emulator, a scripted one and django-oauth-toolkit. A NAME runs the checks of that name only.
Ends with "N passed, N failed" and exits 1 if anything failed.
"""

import argparse
import shutil
import sys
import tempfile

import checks_node
import checks_oauth
import checks_operators
import checks_passing
import checks_refresh
import checks_replacing
from harness import ROOT, Checks, Emulator
from run_workos_sdk import enter_environment


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=str(ROOT / ".build" / "debug"))
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    enter_environment()
    checks = Checks()
    scratch = tempfile.mkdtemp(prefix="refreshd-tables-", dir="/dev/shm")

    def wanted(check):
        name = check.__name__.removeprefix("check_")
        if arguments.names and name not in arguments.names:
            return False
        print(f"{name}:", flush=True)
        return True

    try:
        with_emulator = checks_refresh.ALL + checks_node.ALL + checks_replacing.ALL + checks_operators.ALL
        for check in filter(wanted, with_emulator):
            emulator = Emulator(f"{arguments.programs}/workos-emulator", [])
            try:
                check(checks, arguments.programs, emulator, f"{scratch}/{check.__name__}")
            finally:
                emulator.stop()
        for check in filter(wanted, checks_passing.ALL + checks_oauth.ALL):
            check(checks, arguments.programs, f"{scratch}/{check.__name__}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
