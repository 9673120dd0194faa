"""End to end: 40 requests at the same moment to a page behind gunicorn that refreshes one token."""

import ctypes
import http.client
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

from .scene import Failure, Scene

REQUESTS, WORKERS, THREADS, CALL_MS = 40, 4, 16, 100
HERE = pathlib.Path(__file__).resolve().parent.parent


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: pathlib.Path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class _Browser(threading.Thread):
    """One request in each round; its connection is made before."""

    def __init__(self, path: pathlib.Path, start: threading.Barrier, end: threading.Barrier, tokens: list[str]):
        super().__init__(daemon=True)
        self.path, self.start_barrier, self.end_barrier, self.tokens = path, start, end, tokens
        self.latencies: list[int] = []
        self.failed = 0

    def run(self) -> None:
        for token in self.tokens:
            connection = _Connection(self.path)
            connection.connect()
            self.start_barrier.wait()
            begun = time.monotonic_ns()
            try:
                connection.request("GET", "/", headers={"X-Refresh-Token": token})
                answer = connection.getresponse()
                answer.read()
                self.failed += answer.status != 200
            except OSError:
                self.failed += 1
            self.latencies.append(time.monotonic_ns() - begun)
            connection.close()
            self.end_barrier.wait()


def measure(scene: Scene, contender: str, rounds: int) -> dict:
    """As the driver prints: a round's slowest request, all requests, calls and failures."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pages-", dir=scene.root))
    table, listener, shared = directory / "table", directory / "listener", directory / "shared"
    table.mkdir(mode=0o700)
    # The sidecar calls an upstream of its own, whose state is elsewhere.
    state = scene.root / "upstream" if contender == "refreshd-sidecar" else shared
    library_path = scene.driver.parent / "libpages.so"
    library = ctypes.CDLL(str(library_path))
    library.pages_reset(str(state).encode())
    environment = os.environ | {
        "PAGES_LIBRARY": str(library_path), "PAGES_CONTENDER": contender, "PAGES_DIRECTORY": str(table),
        "PAGES_REDIS": str(scene.root / "redis.sock"), "PAGES_REFRESHCLIENT": scene.library or "",
        "PAGES_SIDECAR": str(scene.root / "refreshd.sock"), "PAGES_SHARED": str(state)}
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS), "--threads", str(THREADS), "--bind",
         f"unix:{listener}", "--worker-tmp-dir", directory, "--log-level", "warning", "--no-control-socket",
         "application:application"],
        cwd=HERE / "Pages", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        scene.await_socket(listener, server, "gunicorn")
        # Round 0 opens what is to be opened.
        tokens = [f"page-{time.monotonic_ns()}-{number}" for number in range(rounds + 1)]
        start, end = threading.Barrier(REQUESTS + 1), threading.Barrier(REQUESTS + 1)
        browsers = [_Browser(listener, start, end, tokens) for _ in range(REQUESTS)]
        for browser in browsers:
            browser.start()
        calls = 0
        for number in range(rounds + 1):
            library.pages_begin_round(CALL_MS)
            start.wait(60)
            end.wait(120)
            calls += library.pages_calls() if number else 0
        for browser in browsers:
            browser.join(60)
    except threading.BrokenBarrierError as error:
        raise Failure(f"{contender}: the pages behind gunicorn did not answer") from error
    finally:
        server.terminate()
        server.wait(30)
    latencies = [browser.latencies[1:] for browser in browsers]
    return {
        "latency_ns": [one for each in latencies for one in each],
        "slowest_ns": [max(each[number] for each in latencies) for number in range(rounds)],
        "calls": calls, "failed": sum(browser.failed for browser in browsers), "rounds": rounds,
        "call_ns": CALL_MS * 1_000_000}
