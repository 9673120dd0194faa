"""The requests of the official SDK for Node, sent by a script in its place: see node_requests.js."""

import json
import shutil
import subprocess
from pathlib import Path

from harness import CLIENT, KEY, Sidecar, new_token, upstream_calls

SCRIPT = Path(__file__).resolve().parent / "node_requests.js"


class NodeProcess:
    """A process that waits to make `calls` calls at the same time."""

    def __init__(self, way, url, token, calls, organization=None):
        arguments = ["node", SCRIPT, way, url, CLIENT, KEY, str(calls)] + ([organization] if organization else [])
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()

    def await_ready(self):
        line = self.process.stdout.readline()
        if line != "ready\n":
            raise SystemExit(f"node did not start: {line!r}")

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.close()

    def answers(self):
        lines = self.process.stdout.read().splitlines()
        self.process.stdout.close()
        self.process.wait(60)
        return [json.loads(line) for line in lines]


def node_calls(url, token, shares, organization=None):
    """What the calls of one token got, spread over processes: `shares` has the way and the number of calls of each."""
    processes = [NodeProcess(way, url, token, calls, organization) for way, calls in shares]
    for process in processes:
        process.await_ready()
    for process in processes:
        process.go()
    return [answer for process in processes for answer in process.answers()]


def check_node(checks, programs, emulator, directory):
    if not shutil.which("node"):
        print("      left out: node, of Debian's package nodejs, is not installed")
        return
    sidecar = Sidecar(programs, emulator.url, directory)
    emulator.control("PATCH", "/settings", {"delay_ms": 300})
    before, token = upstream_calls(emulator), new_token(emulator)
    shares = [("fetch", 7), ("http", 6)] * 2 + [("fetch", 6), ("http", 6)] * 2
    seen = node_calls(sidecar.url, token, shares)
    calls = upstream_calls(emulator) - before
    checks.that("requests of the Node SDK, 8 processes, 50 calls, one token: one upstream call", calls == 1, calls)
    bodies = {answer.get("body") for answer in seen}
    checks.that("all 50 got the same answer",
                len(seen) == 50 and len(bodies) == 1 and {answer.get("status") for answer in seen} == {200}, seen[:3])
    ids = {answer["headers"].get("x-request-id") for answer in seen if "headers" in answer}
    checks.that("with that call's request id", len(ids) == 1 and None not in ids, ids)
    emulator.control("PATCH", "/settings", {"delay_ms": 0})
    for way in ("fetch", "http"):
        before = upstream_calls(emulator)
        answer, = node_calls(sidecar.url, new_token(emulator), [(way, 1)], organization="org_2")
        switched = json.loads(answer["body"]).get("organization_id")
        checks.that(f"{way}: an organization is switched to", switched == "org_2" and upstream_calls(emulator) == before + 1,
                    answer)
        spent = new_token(emulator)
        node_calls(emulator.url, spent, [(way, 1)])
        direct, = node_calls(emulator.url, spent, [(way, 1)])
        through, = node_calls(sidecar.url, spent, [(way, 1)])
        checks.that(f"{way}: a refusal reads as from the upstream",
                    [direct["status"], direct["body"], direct["headers"]["content-type"]]
                    == [through["status"], through["body"], through["headers"]["content-type"]]
                    and through["status"] == 400 and "invalid_grant" in through["body"], (direct, through))
    sidecar.stop()


ALL = [check_node]
